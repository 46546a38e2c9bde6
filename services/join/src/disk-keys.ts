import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DiskKey, formatKeyId, KEY_LENGTH_BYTES } from "@constellation/keys";
import type { Endpoint } from "@constellation/pod";
import { createMtlsClient, KeyService, type MtlsIdentity } from "@constellation/rpc";
import { JoinError } from "./errors.ts";

/** A state disk's key, and the generation of the master secret that it is from. */
export interface GenerationedDiskKey {
  readonly key: DiskKey;
  readonly generation: number;
}

/** Gives the key of a state disk, of a generation or, for 0, of the current one. */
export type DiskKeySource = (diskUuid: string, generation: number, signal: AbortSignal) => Promise<GenerationedDiskKey>;

const TIMEOUT_MS = 10_000;

/**
 * Disk keys from the key service, over a connection of its own for each: joins are rare, and certificates are read
 * again, so that renewed ones count.
 * @param pkiDirectory folder with `ca.crt`, `join-service.crt`, `join-service.key`
 */
export function keyServiceDiskKeys({ host, port }: Endpoint, pkiDirectory: string): DiskKeySource {
  return async (diskUuid, generation, signal) => {
    const keyId = formatKeyId({ namespace: "state-disk", id: diskUuid });
    try {
      const identity = await readIdentity(pkiDirectory, signal);
      const target = { host, port, serverName: "key-service", ...identity };
      return await requestKey(target, { keyId, generation }, signal);
    } catch (cause) {
      throw new JoinError("key_service_unavailable", `Get disk key failed: got no key for "${keyId}"`, { cause });
    }
  };
}

async function requestKey(
  options: Parameters<typeof createMtlsClient>[1],
  { keyId, generation }: { readonly keyId: string; readonly generation: number },
  signal: AbortSignal,
): Promise<GenerationedDiskKey> {
  const rpc = createMtlsClient(KeyService, { ...options, timeoutMs: TIMEOUT_MS });
  try {
    const answer = await rpc.client.getDataKey({ keyId, lengthBytes: KEY_LENGTH_BYTES, generation }, { signal });
    return { key: new DiskKey(answer.dataKey), generation: answer.generation };
  } finally {
    await rpc.close();
  }
}

async function readIdentity(directory: string, signal: AbortSignal): Promise<MtlsIdentity> {
  const names = ["ca.crt", "join-service.crt", "join-service.key"];
  const [ca = "", certificate = "", key = ""] = await Promise.all(
    names.map((name) => readFile(join(directory, name), { encoding: "utf8", signal })),
  );
  return { ca, certificate, key };
}
