import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { componentPrograms } from "@constellation/testkit/kube-apiserver";

const CONFIG = resolve(import.meta.dirname, "../mkosi/mkosi.extra/etc/containerd/config.toml");

test("containerd understands the node image's configuration, and syncs what it unpacks", async () => {
  const [containerd = ""] = componentPrograms(["containerd"]);
  const { stdout } = await promisify(execFile)(containerd, ["--config", CONFIG, "config", "dump"]);
  const [, images = ""] = /^ {2}\[plugins\.'io\.containerd\.cri\.v1\.images'\]\n((?: {4}.*\n|\n)*)/m.exec(stdout) ?? [];
  // A name that containerd does not know would be left out of the dump.
  for (const line of [
    "image_pull_with_sync_fs = true",
    "discard_unpacked_layers = true",
    "snapshotter = 'overlayfs'",
  ]) {
    assert.ok(images.includes(`    ${line}\n`), `${line} in\n${images}`);
  }
});
