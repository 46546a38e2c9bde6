import { createHash } from "node:crypto";
import { chmod, copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { writeTar } from "@constellation/image/src/tar.ts";

/** Bytes under the name that their SHA-256 gives them. */
export interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Uint8Array;
}

/** A container image: what a registry is given, manifest last. */
export interface ContainerImage {
  readonly blobs: readonly Blob[];
  readonly manifest: Blob;
}

const USER = "65534:65534";

/** Makes an image of one layer that has these programs in its root, and nothing else. Equal programs give equal bytes. */
export async function imageOfPrograms(programs: readonly string[]): Promise<ContainerImage> {
  const layer = blob("application/vnd.oci.image.layer.v1.tar", await layerOf(programs));
  const config = jsonBlob("application/vnd.oci.image.config.v1+json", {
    created: "1970-01-01T00:00:00Z",
    architecture: "amd64",
    os: "linux",
    config: { User: USER, Entrypoint: [`/${basename(programs[0] ?? "")}`], WorkingDir: "/" },
    rootfs: { type: "layers", diff_ids: [layer.digest] },
  });
  const manifest = jsonBlob("application/vnd.oci.image.manifest.v1+json", {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: descriptor(config),
    layers: [descriptor(layer)],
  });
  return { blobs: [layer, config], manifest };
}

async function layerOf(programs: readonly string[]): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "constellation-e2e-layer-"));
  try {
    for (const program of programs) {
      await copyFile(program, join(folder, basename(program)));
      await chmod(join(folder, basename(program)), 0o755);
    }
    const pieces: Uint8Array[] = [];
    await writeTar(folder, { update: (bytes) => pieces.push(Uint8Array.from(bytes)) });
    return Buffer.concat(pieces);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function jsonBlob(mediaType: string, value: object): Blob {
  return blob(mediaType, Buffer.from(JSON.stringify(value)));
}

function blob(mediaType: string, bytes: Uint8Array): Blob {
  return { mediaType, digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`, bytes };
}

function descriptor({ mediaType, digest, bytes }: Blob): { mediaType: string; digest: string; size: number } {
  return { mediaType, digest, size: bytes.length };
}
