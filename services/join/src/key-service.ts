import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  collectEtcdKeys,
  DiskKey,
  ETCD_SECRETS_KEY_ID,
  type EtcdKey,
  formatKeyId,
  type GivenKey,
  KEY_LENGTH_BYTES,
} from "@constellation/keys";
import type { Endpoint } from "@constellation/pod";
import { createMtlsClient, fromConnectError, KeyService, type MtlsIdentity, type RpcClient } from "@constellation/rpc";
import { JoinError } from "./errors.ts";

/** A state disk's key, and the generation of the master secret that it is from. */
export interface GenerationedDiskKey {
  readonly key: DiskKey;
  readonly generation: number;
}

/** Gives the keys that go into tickets. */
export interface KeySource {
  /** The key of a state disk, of a generation or, for 0, of the current one. */
  diskKey(diskUuid: string, generation: number, signal: AbortSignal): Promise<GenerationedDiskKey>;
  /** The keys for secrets in etcd, of all generations that there are, oldest first. */
  etcdKeys(signal: AbortSignal): Promise<readonly EtcdKey[]>;
}

const TIMEOUT_MS = 10_000;
const ETCD_KEY_ID = formatKeyId({ namespace: "etcd-secrets", id: ETCD_SECRETS_KEY_ID });

type Client = RpcClient<typeof KeyService>["client"];

/**
 * Keys from the key service, over a connection of its own for each ticket: joins are rare, and certificates are read
 * again, so that renewed ones count.
 * @param pkiDirectory folder with `ca.crt`, `join-service.crt`, `join-service.key`
 */
export function keyServiceKeys({ host, port }: Endpoint, pkiDirectory: string): KeySource {
  async function ask<T>(keyId: string, signal: AbortSignal, use: (client: Client) => Promise<T>): Promise<T> {
    try {
      const identity = await readIdentity(pkiDirectory, signal);
      const options = { host, port, serverName: "key-service", ...identity, timeoutMs: TIMEOUT_MS };
      const rpc = createMtlsClient(KeyService, options);
      try {
        return await use(rpc.client);
      } finally {
        await rpc.close();
      }
    } catch (cause) {
      throw new JoinError("key_service_unavailable", `Get key failed: got no key for "${keyId}"`, { cause });
    }
  }
  return {
    diskKey(diskUuid, generation, signal) {
      const keyId = formatKeyId({ namespace: "state-disk", id: diskUuid });
      return ask(keyId, signal, async (client) => {
        const answer = await client.getDataKey({ keyId, lengthBytes: KEY_LENGTH_BYTES, generation }, { signal });
        return { key: new DiskKey(answer.dataKey), generation: answer.generation };
      });
    },
    etcdKeys: (signal) =>
      ask(ETCD_KEY_ID, signal, (client) => collectEtcdKeys((generation) => etcdKey(client, generation, signal))),
  };
}

/** The key of one generation; `undefined` where the key service has that generation no more. */
async function etcdKey(client: Client, generation: number, signal: AbortSignal): Promise<GivenKey | undefined> {
  try {
    return await client.getDataKey({ keyId: ETCD_KEY_ID, lengthBytes: KEY_LENGTH_BYTES, generation }, { signal });
  } catch (error) {
    const known = fromConnectError(error);
    if (known.code === "not-found" && generation !== 0) return undefined;
    throw known;
  }
}

async function readIdentity(directory: string, signal: AbortSignal): Promise<MtlsIdentity> {
  const names = ["ca.crt", "join-service.crt", "join-service.key"];
  const [ca = "", certificate = "", key = ""] = await Promise.all(
    names.map((name) => readFile(join(directory, name), { encoding: "utf8", signal })),
  );
  return { ca, certificate, key };
}
