import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { formatKeyId, KEY_LENGTH_BYTES } from "@constellation/keys";
import type { Endpoint } from "@constellation/pod";
import { createMtlsClient, KeyService, type MtlsIdentity } from "@constellation/rpc";
import { FormatError } from "./format/error.ts";
import { type KekSource, ObjectKek } from "./format/keys.ts";

/** Fetches the KEK of one version. */
export type KekFetch = (version: number, signal: AbortSignal) => Promise<ObjectKek>;

const TIMEOUT_MS = 10_000;
/** Two bytes in the format; far more than a cluster will see. */
export const MAX_KEK_VERSION = 65_535;

/**
 * KEKs up to the current version, each fetched once. A version that never was current is refused without asking: the
 * store can write any number into a header.
 */
export function cachedKeks(current: number, fetch: KekFetch): KekSource {
  const known = new Map<number, Promise<ObjectKek>>();
  return {
    current,
    get(version) {
      if (version < 1 || version > current) {
        const message = `Get KEK failed: got version ${version}, wanted 1 to ${current}`;
        return Promise.reject(new FormatError("kek_version_unknown", message));
      }
      const found = known.get(version);
      if (found !== undefined) return found;
      // Not the first caller's signal: others wait for the same key.
      const fetched = fetch(version, AbortSignal.timeout(TIMEOUT_MS));
      known.set(version, fetched);
      fetched.catch(() => known.delete(version));
      return fetched;
    },
  };
}

/**
 * KEKs from the key service, over a connection of its own for each: there is one for each version.
 * @param pkiDirectory folder with `ca.crt`, `s3proxy.crt`, `s3proxy.key`
 */
export function keyServiceKek({ host, port }: Endpoint, pkiDirectory: string): KekFetch {
  return async (version, signal) => {
    const keyId = formatKeyId({ namespace: "object-kek", id: `v${version}` });
    const identity = await readIdentity(pkiDirectory, signal);
    const options = { host, port, serverName: "key-service", ...identity, timeoutMs: TIMEOUT_MS };
    const rpc = createMtlsClient(KeyService, options);
    try {
      const { dataKey } = await rpc.client.getDataKey({ keyId, lengthBytes: KEY_LENGTH_BYTES }, { signal });
      if (dataKey.length !== KEY_LENGTH_BYTES) {
        throw new Error(`Get KEK failed: got ${dataKey.length} bytes, wanted ${KEY_LENGTH_BYTES}`);
      }
      return new ObjectKek(dataKey);
    } finally {
      await rpc.close();
    }
  };
}

async function readIdentity(directory: string, signal: AbortSignal): Promise<MtlsIdentity> {
  const names = ["ca.crt", "s3proxy.crt", "s3proxy.key"];
  const [ca = "", certificate = "", key = ""] = await Promise.all(
    names.map((name) => readFile(join(directory, name), { encoding: "utf8", signal })),
  );
  return { ca, certificate, key };
}
