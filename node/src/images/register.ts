import { lstat, readlink, rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { Code } from "@connectrpc/connect";
import { NodeError } from "../errors.ts";
import { WriteAction } from "../gen/containerd/services/content/v1/content_pb.ts";
import { type ContainerdClient, unlessCode } from "./containerd-client.ts";
import { type Blob, chainId, digestHex, EMPTY_LAYER, readImageLayout, type SystemImage } from "./layout.ts";

const SNAPSHOTTER = "overlayfs";
/** Marks what came out of the measured root, so that an upgraded image takes its predecessor's records away. */
const SYSTEM_LABEL = "constellation/system-image";

export interface RegisterOptions {
  /** The OCI layout in the measured root. */
  imagesDirectory: string;
  client: ContainerdClient;
}

export interface RegisterResult {
  images: number;
  layers: number;
  removed: string[];
}

/**
 * Makes the measured system images known to containerd without importing a byte of their layers: manifests and configs
 * go to the content store, each layer becomes a committed snapshot whose directory is a link into the measured root.
 * Can run at each boot, after a crash in the middle, and after an image upgrade.
 * @throws NodeError `images`
 */
export async function registerSystemImages(options: RegisterOptions, signal: AbortSignal): Promise<RegisterResult> {
  const { client } = options;
  try {
    const images = await readImageLayout(options.imagesDirectory);
    await writeBlob(client, EMPTY_LAYER, {}, signal);
    let layers = 0;
    for (const image of images) {
      const top = chainId(image.diffIds);
      await writeBlob(client, image.config, { [`containerd.io/gc.ref.snapshot.${SNAPSHOTTER}`]: top }, signal);
      await writeBlob(client, image.manifest, manifestLabels(image), signal);
      layers += await linkLayers(options, image, signal);
      for (const name of image.names) await writeImage(client, name, image, signal);
    }
    const removed = await removeOthers(client, new Set(images.flatMap((image) => image.names)), signal);
    return { images: images.length, layers, removed };
  } catch (cause) {
    if (cause instanceof NodeError) throw cause;
    throw new NodeError("images", "Register system images failed", { cause });
  }
}

// The collector keeps what these labels name: containerd's own names for them, see its garbage collection document.
function manifestLabels(image: SystemImage): Record<string, string> {
  return {
    "containerd.io/gc.ref.content.config": image.config.digest,
    "containerd.io/gc.ref.content.l.0": EMPTY_LAYER.digest,
  };
}

async function writeBlob(
  client: ContainerdClient,
  blob: Blob,
  labels: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const known = await unlessCode(Code.NotFound, client.content.info({ digest: blob.digest }, { signal }));
  if (known !== undefined) {
    if (Object.keys(labels).length === 0) return;
    const updateMask = { paths: Object.keys(labels).map((label) => `labels.${label}`) };
    await client.content.update({ info: { digest: blob.digest, labels }, updateMask }, { signal });
    return;
  }
  const ref = `constellation-${blob.digest}`;
  // What an interrupted run left half-written is started again from zero.
  await unlessCode(Code.NotFound, client.content.abort({ ref }, { signal }));
  const request = {
    action: WriteAction.COMMIT,
    ref,
    total: BigInt(blob.bytes.length),
    expected: blob.digest,
    data: blob.bytes,
    // The root keeps the collector away until the image that refers to the blob exists.
    labels: { ...labels, "containerd.io/gc.root": new Date(0).toISOString() },
  };
  for await (const _ of client.content.write(once(request), { signal })) {
    // One answer: the commit.
  }
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

async function linkLayers(options: RegisterOptions, image: SystemImage, signal: AbortSignal): Promise<number> {
  for (const [index, diffId] of image.diffIds.entries()) {
    const target = join(options.imagesDirectory, "layers", digestHex(diffId));
    await stat(target);
    const name = chainId(image.diffIds.slice(0, index + 1));
    const parent = index === 0 ? "" : chainId(image.diffIds.slice(0, index));
    await linkLayer(options.client, { name, parent, target }, signal);
  }
  return image.diffIds.length;
}

interface Layer {
  name: string;
  parent: string;
  target: string;
}

async function linkLayer(client: ContainerdClient, layer: Layer, signal: AbortSignal): Promise<void> {
  const snapshotter = SNAPSHOTTER;
  const known = await unlessCode(Code.NotFound, client.snapshots.stat({ snapshotter, key: layer.name }, { signal }));
  if (known !== undefined) return;
  const key = `constellation-${layer.name}`;
  await unlessCode(Code.NotFound, client.snapshots.remove({ snapshotter, key }, { signal }));
  const labels = { "containerd.io/gc.root": new Date(0).toISOString(), [SYSTEM_LABEL]: "true" };
  const prepared = await client.snapshots.prepare({ snapshotter, key, parent: layer.parent, labels }, { signal });
  await replaceByLink(snapshotDirectory(prepared.mounts), layer.target);
  await client.snapshots.commit({ snapshotter, name: layer.name, key, labels }, { signal });
}

/**
 * The directory in which the overlay snapshotter would collect the changes: the upper directory of an overlay mount, or
 * the source of the bind mount that a first layer gets.
 */
function snapshotDirectory(mounts: readonly { type: string; source: string; options: string[] }[]): string {
  const [mount] = mounts;
  const upper = mount?.options.find((option) => option.startsWith("upperdir="))?.slice("upperdir=".length);
  const directory = mount?.type === "bind" ? mount.source : upper;
  if (directory === undefined || !/\/snapshots\/\d+\/fs$/.test(directory)) {
    throw new NodeError(
      "images",
      `Link layer failed: got snapshot directory "${directory}", wanted ".../snapshots/N/fs"`,
    );
  }
  return directory;
}

async function replaceByLink(directory: string, target: string): Promise<void> {
  const info = await lstat(directory);
  if (info.isSymbolicLink() && (await readlink(directory)) === target) return;
  await rm(directory, { recursive: true });
  await symlink(target, directory);
}

async function writeImage(
  client: ContainerdClient,
  name: string,
  image: SystemImage,
  signal: AbortSignal,
): Promise<void> {
  const record = {
    name,
    target: {
      mediaType: image.manifest.mediaType,
      digest: image.manifest.digest,
      size: BigInt(image.manifest.bytes.length),
    },
    labels: {
      "io.cri-containerd.image": "managed",
      "io.cri-containerd.pinned": "pinned",
      [SYSTEM_LABEL]: "true",
    },
  };
  const created = await unlessCode(Code.AlreadyExists, client.images.create({ image: record }, { signal }));
  // The update is also what tells the CRI plugin to look again.
  if (created === undefined) await client.images.update({ image: record }, { signal });
}

/** Takes away system images of an earlier node image. Their layers are gone from the root, so they can't be used. */
async function removeOthers(client: ContainerdClient, names: Set<string>, signal: AbortSignal): Promise<string[]> {
  const { images } = await client.images.list({ filters: [`labels."${SYSTEM_LABEL}"==true`] }, { signal });
  const stale = images.map((image) => image.name).filter((name) => !names.has(name));
  for (const name of stale) await unlessCode(Code.NotFound, client.images.delete({ name, sync: false }, { signal }));
  return stale;
}
