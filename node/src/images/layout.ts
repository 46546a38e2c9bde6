import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { NodeError } from "../errors.ts";

/** A piece of content by digest ("sha256:<hex>"). */
export interface Blob {
  digest: string;
  mediaType: string;
  bytes: Uint8Array;
}

/** One image of the measured layout: its manifest as registered, its config, its layers from the bottom up. */
export interface SystemImage {
  names: string[];
  manifest: Blob;
  config: Blob;
  diffIds: string[];
}

const NAME_ANNOTATION = "io.containerd.image.name";
const DIGEST_PATTERN = /^sha256:([0-9a-f]{64})$/;

const EMPTY_TAR = new Uint8Array(1024);

/** A tar archive without entries: two blocks of zeros. It stands for every layer in the registered manifests. */
export const EMPTY_LAYER: Blob = {
  digest: `sha256:${sha256Hex(EMPTY_TAR)}`,
  mediaType: "application/vnd.oci.image.layer.v1.tar",
  bytes: EMPTY_TAR,
};

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

/**
 * Reads the OCI layout that the image builder leaves under `/usr/lib/constellation/images`. An image that has several
 * names stands in the index several times, or once with the names separated by commas.
 * @throws NodeError `images`
 */
export async function readImageLayout(directory: string): Promise<SystemImage[]> {
  const index = parseJson<{ manifests: Descriptor[] }>(await readFile(join(directory, "index.json")), "index.json");
  const byDigest = new Map<string, SystemImage>();
  for (const descriptor of index.manifests) {
    const names = (descriptor.annotations?.[NAME_ANNOTATION] ?? "").split(",").filter((name) => name !== "");
    if (names.length === 0) throw layoutError(`manifest "${descriptor.digest}" has no name, wanted ${NAME_ANNOTATION}`);
    const known = byDigest.get(descriptor.digest);
    if (known === undefined) byDigest.set(descriptor.digest, await readImage(directory, descriptor, names));
    else known.names.push(...names);
  }
  return [...byDigest.values()];
}

async function readImage(directory: string, descriptor: Descriptor, names: string[]): Promise<SystemImage> {
  const manifestBytes = await readBlob(directory, descriptor.digest);
  const manifest = parseJson<{ config: Descriptor }>(manifestBytes, descriptor.digest);
  const configBytes = await readBlob(directory, manifest.config.digest);
  const config = parseJson<{ rootfs: { diff_ids: string[] } }>(configBytes, manifest.config.digest);
  return {
    names,
    manifest: withEmptyLayers(manifestBytes, descriptor.mediaType, config.rootfs.diff_ids.length),
    config: { digest: manifest.config.digest, mediaType: manifest.config.mediaType, bytes: configBytes },
    diffIds: config.rootfs.diff_ids,
  };
}

/**
 * The manifest as containerd gets it: the same config (which is what gives an image its ID), and for each layer the one
 * empty archive. The layers stand unpacked in the measured root, so there is nothing to fetch or to keep; and
 * containerd's two checks pass: after a restart all blobs are there, and there are as many layers as the config says.
 */
function withEmptyLayers(bytes: Uint8Array, mediaType: string, layerCount: number): Blob {
  const manifest = parseJson<Record<string, unknown>>(bytes, "manifest");
  const layer = { mediaType: EMPTY_LAYER.mediaType, digest: EMPTY_LAYER.digest, size: EMPTY_LAYER.bytes.length };
  const layers = Array.from({ length: layerCount }, () => layer);
  const stripped = new TextEncoder().encode(JSON.stringify({ ...manifest, layers }));
  return { digest: `sha256:${sha256Hex(stripped)}`, mediaType, bytes: stripped };
}

/** The 64 hexadecimal digits of a digest. @throws NodeError `images` */
export function digestHex(digest: string): string {
  const match = DIGEST_PATTERN.exec(digest);
  if (match?.[1] === undefined) throw layoutError(`got digest "${digest}", wanted "sha256:<64 hex>"`);
  return match[1];
}

/**
 * The name of the snapshot that holds these layers: OCI image specification, "Layer ChainID".
 */
export function chainId(diffIds: readonly string[]): string {
  const [first, ...others] = diffIds;
  if (first === undefined) throw layoutError(`got an image without layers, wanted at least one`);
  return others.reduce((chain, diffId) => `sha256:${sha256Hex(new TextEncoder().encode(`${chain} ${diffId}`))}`, first);
}

async function readBlob(directory: string, digest: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(await readFile(join(directory, "blobs", "sha256", digestHex(digest))));
  const got = `sha256:${sha256Hex(bytes)}`;
  if (got !== digest) throw layoutError(`blob has digest "${got}", wanted "${digest}"`);
  return bytes;
}

function parseJson<T>(bytes: Uint8Array, what: string): T {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as T;
  } catch (cause) {
    throw new NodeError("images", `Read image layout failed: "${what}" is not JSON`, { cause });
  }
}

function sha256Hex(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function layoutError(detail: string): NodeError {
  return new NodeError("images", `Read image layout failed: ${detail}`);
}
