import { createHash } from "node:crypto";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tarDigest } from "./tar.ts";

/** One container image of the node image. */
export interface ContainerImage {
  /** Names under which Kubernetes asks for it. */
  readonly names: readonly string[];
  /** Folders whose contents are its layers, lowest first. */
  readonly layers: readonly string[];
  readonly entrypoint: readonly string[];
  readonly workingDir?: string;
}

/** Fixed moment in images, so that equal inputs give equal bytes. */
const CREATED = "1970-01-01T00:00:00Z";
const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

/**
 * Writes the images into `dir` as an OCI layout whose layers are unpacked: `index.json`, `blobs/sha256/` with
 * manifests and configs, and `layers/<diff ID>/` with the trees. A layer that several images share is there once.
 */
export async function writeImages(dir: string, images: readonly ContainerImage[]): Promise<void> {
  await mkdir(join(dir, "blobs/sha256"), { recursive: true });
  await mkdir(join(dir, "layers"), { recursive: true });
  const diffIds = new Map<string, string>();
  for (const layer of new Set(images.flatMap((image) => image.layers))) {
    const diffId = await tarDigest(layer);
    await cp(layer, join(dir, "layers", diffId), {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: false,
    });
    diffIds.set(layer, diffId);
  }
  const manifests: Descriptor[] = [];
  for (const image of images) {
    const ids = image.layers.map((layer) => `sha256:${diffIds.get(layer)}`);
    const manifest = await writeManifest(dir, image, ids);
    for (const name of image.names) manifests.push({ ...manifest, annotations: { "io.containerd.image.name": name } });
  }
  manifests.sort((a, b) => (JSON.stringify(a.annotations) < JSON.stringify(b.annotations) ? -1 : 1));
  const index = { schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests };
  await writeFile(join(dir, "index.json"), JSON.stringify(index));
  await writeFile(join(dir, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
}

async function writeManifest(dir: string, image: ContainerImage, diffIds: readonly string[]): Promise<Descriptor> {
  const config = await writeBlob(dir, "application/vnd.oci.image.config.v1+json", {
    created: CREATED,
    architecture: "amd64",
    os: "linux",
    config: { Entrypoint: image.entrypoint, Env: [PATH], WorkingDir: image.workingDir ?? "/" },
    rootfs: { type: "layers", diff_ids: diffIds },
    history: diffIds.map(() => ({ created: CREATED })),
  });
  // Layers are never fetched, so each is named by its diff ID: the uncompressed archive is its own blob.
  const layers = diffIds.map((digest) => ({ mediaType: "application/vnd.oci.image.layer.v1.tar", digest, size: 0 }));
  return await writeBlob(dir, "application/vnd.oci.image.manifest.v1+json", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config,
    layers,
  });
}

async function writeBlob(dir: string, mediaType: string, body: unknown): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(body));
  const digest = createHash("sha256").update(bytes).digest("hex");
  await writeFile(join(dir, "blobs/sha256", digest), bytes);
  return { mediaType, digest: `sha256:${digest}`, size: bytes.length };
}
