import { createLog } from "@constellation/pod";
import { type Credentials, SecretAccessKey } from "../auth/credentials.ts";
import { DataKey } from "@constellation/keys";
import type { KekSource } from "../format/keys.ts";
import type { HandlerParts } from "../handle.ts";
import { KekCache, type KekClient } from "../kek.ts";
import { type RunningProxy, type ServerOptions, startProxy } from "../server.ts";
import { Store, type StoreOptions } from "../store/store.ts";

export const REGION = "us-east-1";

/** Credentials from plain text. */
export function credentials(accessKeyId: string, secret: string): Credentials {
  return { accessKeyId, secretAccessKey: new SecretAccessKey(Buffer.from(secret)) };
}

export const CLIENT = { accessKeyId: "client", secretAccessKey: "client-secret" };
export const OWNER = { accessKeyId: "store-owner", secretAccessKey: "store-owner-secret" };

/** KEKs that are told by their generation. */
export function fixedKeks(current = 1): KekSource {
  const getDataKey: KekClient["getDataKey"] = async ({ generation = current }) => ({
    key: new DataKey(new Uint8Array(32).fill(generation)),
    generation,
  });
  return new KekCache({ getDataKey }, () => 0);
}

/** A proxy in this process before a store. */
export interface TestProxy extends RunningProxy {
  readonly endpoint: string;
  /** Log lines so far. */
  readonly lines: readonly string[];
  /** What it was started with; tests may change it. */
  readonly parts: HandlerParts;
}

/** Starts a proxy with fixed KEKs before a store. */
export async function startTestProxy(
  store: Pick<StoreOptions, "endpoint"> & Partial<StoreOptions>,
  changes: Partial<HandlerParts> = {},
  server: Partial<ServerOptions> = {},
): Promise<TestProxy> {
  const lines: string[] = [];
  const owner = credentials(OWNER.accessKeyId, OWNER.secretAccessKey);
  const client = new Store({ region: REGION, credentials: owner, ca: undefined, now: () => new Date(), ...store });
  const parts: HandlerParts = {
    store: client,
    keks: fixedKeks(),
    allowPlaintextReads: false,
    patienceMs: 10_000,
    clients: new Map([[CLIENT.accessKeyId, credentials(CLIENT.accessKeyId, CLIENT.secretAccessKey)]]),
    region: REGION,
    domain: undefined,
    now: () => new Date(),
    monotonicMs: () => performance.now(),
    log: createLog({ write: (line) => lines.push(line), now: () => new Date() }),
    ...changes,
  };
  const proxy = await startProxy({ host: "127.0.0.1", port: 0, tls: undefined, ...server }, parts);
  const scheme = server.tls === undefined ? "http" : "https";
  return {
    address: proxy.address,
    endpoint: `${scheme}://127.0.0.1:${proxy.address.port}`,
    lines,
    parts,
    async close() {
      await proxy.close();
      client.close();
    },
  };
}
