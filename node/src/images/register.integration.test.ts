import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { componentPrograms } from "@constellation/testkit/kube-apiserver";
import { Program } from "@constellation/testkit/program";
import { exec } from "@constellation/exec";
import { connectContainerd } from "./containerd-client.ts";
import { registerSystemImages } from "./register.ts";

const signal = new AbortController().signal;
const TOY = "registry.k8s.io/toy:1";
const OTHER_NAME = "example.org/toy:latest";
const skip = process.getuid?.() === 0 ? false : "containerd and its mounts need root";

describe("registerSystemImages(), with a real containerd", { skip }, () => {
  const [containerd = "", ctr = ""] = componentPrograms(["containerd", "ctr"]);
  let directory: string;
  let program: Program;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "constellation-images-"));
    await writeFile(
      join(directory, "config.toml"),
      `version = 3
root = "${directory}/root"
state = "${directory}/state"
[grpc]
  address = "${directory}/c.sock"
[ttrpc]
  address = "${directory}/c.sock.ttrpc"
`,
    );
    await start();
  });
  after(async () => {
    await program.stop();
    await unmountAll();
    await rm(directory, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    program = new Program("containerd", containerd, ["--config", join(directory, "config.toml")], log());
    await program.ready(async () => void (await onContainerd("version")), 30_000);
  }

  /** containerd leaves mounts of its own behind. */
  async function unmountAll(): Promise<void> {
    const table = await readFile("/proc/self/mountinfo", "utf8");
    const targets = table.split("\n").map((line) => line.split(" ")[4] ?? "");
    for (const target of targets.toReversed()) {
      if (target.startsWith(`${directory}/`)) await exec({ program: "umount", args: [target] }, signal);
    }
  }

  const log = (): string => join(directory, "containerd.log");

  async function onContainerd(...args: string[]): Promise<string> {
    const all = ["--address", join(directory, "c.sock"), "--namespace", "k8s.io", ...args];
    return (await exec({ program: ctr, args: all }, signal)).stdout;
  }

  const register = (images: string) =>
    registerSystemImages(
      { imagesDirectory: images, client: connectContainerd(join(directory, "c.sock"), "k8s.io") },
      signal,
    );

  /** A layout as the image builder makes it, with one image of the given layers (file name -> text). */
  async function layout(name: string, layers: Record<string, string>[], names: string): Promise<string> {
    const root = join(directory, name);
    await mkdir(join(root, "blobs/sha256"), { recursive: true });
    const blob = async (value: object): Promise<{ digest: string; size: number }> => {
      const bytes = Buffer.from(JSON.stringify(value));
      const hex = createHash("sha256").update(bytes).digest("hex");
      await writeFile(join(root, "blobs/sha256", hex), bytes);
      return { digest: `sha256:${hex}`, size: bytes.length };
    };
    const diffIds: string[] = [];
    for (const files of layers) {
      const hex = createHash("sha256").update(JSON.stringify(files)).digest("hex");
      diffIds.push(`sha256:${hex}`);
      await mkdir(join(root, "layers", hex), { recursive: true });
      for (const [file, text] of Object.entries(files)) await writeFile(join(root, "layers", hex, file), text);
    }
    const rootfs = { type: "layers", diff_ids: diffIds };
    const config = await blob({ architecture: "amd64", os: "linux", config: {}, rootfs });
    const manifest = await blob({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { mediaType: "application/vnd.oci.image.config.v1+json", ...config },
      layers: diffIds.map((digest) => ({ mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size: 1 })),
    });
    const annotations = { "io.containerd.image.name": names };
    const entry = { mediaType: "application/vnd.oci.image.manifest.v1+json", ...manifest, annotations };
    await writeFile(join(root, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
    return root;
  }

  async function mountedFile(name: string, file: string): Promise<string> {
    const target = await mkdtemp(join(directory, "mount-"));
    await onContainerd("images", "mount", name, target);
    try {
      return await readFile(join(target, file), "utf8");
    } finally {
      await onContainerd("images", "unmount", target);
    }
  }

  test("makes an image usable whose layers stay where they are", async () => {
    const images = await layout("first", [{ a: "lower", b: "lower" }, { b: "upper" }], `${TOY},${OTHER_NAME}`);
    assert.deepEqual(await register(images), { images: 1, layers: 2, removed: [] });
    const check = await onContainerd("images", "check");
    assert.match(check, new RegExp(`${TOY}.*complete.*true`));
    assert.match(check, new RegExp(`${OTHER_NAME}.*complete.*true`));
    assert.equal(await mountedFile(TOY, "a"), "lower");
    assert.equal(await mountedFile(OTHER_NAME, "b"), "upper");
  });

  test("can be repeated", async () => {
    assert.deepEqual(await register(join(directory, "first")), { images: 1, layers: 2, removed: [] });
  });

  test("goes on from a run that was cut off between a layer's steps", async () => {
    const { snapshots } = connectContainerd(join(directory, "c.sock"), "k8s.io");
    const images = await layout("cut", [{ c: "new" }], TOY);
    const hex = createHash("sha256")
      .update(JSON.stringify({ c: "new" }))
      .digest("hex");
    await snapshots.prepare({ snapshotter: "overlayfs", key: `constellation-sha256:${hex}`, parent: "" });
    await register(images);
    assert.equal(await mountedFile(TOY, "c"), "new");
  });

  test("takes away what an upgraded node image no longer has", async () => {
    const images = await layout("second", [{ d: "next" }], TOY);
    const upgraded = await register(images);
    assert.deepEqual(upgraded.removed, []);
    await register(join(directory, "first"));
    assert.deepEqual((await register(images)).removed, [OTHER_NAME]);
    assert.equal(await mountedFile(TOY, "d"), "next");
  });

  test("survives a restart of containerd, whose own check finds the images complete", async () => {
    await program.stop();
    await start();
    assert.ok(!(await readFile(log(), "utf8")).includes("content readiness"));
    assert.equal(await mountedFile(TOY, "d"), "next");
  });

  test("refuses a layout with a blob that is not what its name says", async () => {
    const images = await layout("bad", [{ a: "x" }], TOY);
    const index = JSON.parse(await readFile(join(images, "index.json"), "utf8")) as {
      manifests: { digest: string }[];
    };
    const hex = index.manifests[0]?.digest.slice("sha256:".length) ?? "";
    await writeFile(join(images, "blobs/sha256", hex), "{}");
    await assert.rejects(register(images), { code: "images" });
  });

  test("refuses a layout whose layer is missing", async () => {
    const images = await layout("hollow", [{ a: "y" }], TOY);
    await rm(join(images, "layers"), { recursive: true });
    await assert.rejects(register(images), { code: "images" });
  });
});
