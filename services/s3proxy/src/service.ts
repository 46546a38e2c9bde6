import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createKeyServiceClient } from "@constellation/key-client";
import { FlagError, type Flags, type Log, serveHealth } from "@constellation/pod";
import { parseClientCredentials, parseStoreCredentials } from "./auth/credentials.ts";
import type { FLAG_DEFAULTS } from "./flags.ts";
import { KekCache } from "./kek.ts";
import { type RunningProxy, startProxy, type TlsIdentity } from "./server.ts";
import { Store } from "./store/store.ts";

/** Clients wait a minute or so for the first byte. */
const PATIENCE_MS = 10_000;

/** The values of the service's flags. */
export type ServiceFlags = Flags<typeof FLAG_DEFAULTS>;

/** Reads flags and files and starts the proxy with its health endpoints. */
export async function startService(flags: ServiceFlags, log: Log): Promise<RunningProxy> {
  const store = new Store({
    endpoint: parseStoreEndpoint(flags["store-endpoint"]),
    region: flags["store-region"],
    credentials: parseStoreCredentials(await readFile(flags["store-credentials"], "utf8")),
    ca: flags["store-ca"] === "" ? undefined : await readFile(flags["store-ca"], "utf8"),
    now: () => new Date(),
  });
  const keyService = createKeyServiceClient({
    address: flags["key-service"],
    caFile: flags["services-ca"],
    tokenFile: flags["key-service-token"],
  });
  const monotonicMs = (): number => performance.now();
  const keks = new KekCache(keyService, monotonicMs);
  const parts = {
    store,
    keks,
    allowPlaintextReads: parseBoolean("allow-plaintext-reads", flags["allow-plaintext-reads"]),
    patienceMs: PATIENCE_MS,
    clients: parseClientCredentials(await readFile(flags.clients, "utf8")),
    region: flags.region,
    domain: flags.domain === "" ? undefined : flags.domain.toLowerCase(),
    now: () => new Date(),
    monotonicMs,
    log,
  };
  const proxy = await startProxy({ host: flags.host, port: flags.port, tls: await readTls(flags.tls) }, parts);
  const health = await serveHealth({
    host: flags["health-host"],
    port: flags["health-port"],
    requireReady: async () => void (await keks.current()),
  });
  return {
    address: proxy.address,
    async close() {
      health.close();
      await proxy.close();
      store.close();
      await keyService.close();
    },
  };
}

/** @throws FlagError for what is no origin */
export function parseStoreEndpoint(text: string): URL {
  const url = URL.parse(text);
  if (url !== null && ["http:", "https:"].includes(url.protocol) && `${url.origin}` === text.replace(/\/$/, "")) {
    return url;
  }
  throw wrongFlag("store-endpoint", text, "https://<host>[:<port>]");
}

async function readTls(directory: string): Promise<TlsIdentity | undefined> {
  if (directory === "none") return undefined;
  const [certificate = "", key = ""] = await Promise.all(
    ["tls.crt", "tls.key"].map((name) => readFile(join(directory, name), "utf8")),
  );
  return { certificate, key };
}

function parseBoolean(name: string, text: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw wrongFlag(name, text, "true or false");
}

function wrongFlag(name: string, got: string, wanted: string): FlagError {
  return new FlagError(`Parse flags failed: --${name}: got ${JSON.stringify(got)}, wanted ${wanted}`);
}
