import { mkdir, readFile, writeFile } from "node:fs/promises";
import { Agent } from "node:https";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundleService, POD_NODE_FLAGS } from "@constellation/testkit/bundle";
import { Program } from "@constellation/testkit/program";
import { TestCa } from "@constellation/testkit/test-ca";
import type { Minio } from "./minio.ts";

/** A proxy in a process of its own, with TLS on both sides. */
export interface SeparateProxy {
  readonly endpoint: string;
  /** Connections to proxy and store, which are kept. */
  readonly agent: Agent;
  /** The most memory that it had resident at any time. */
  peakRssBytes(): Promise<number>;
  /** Its log so far. */
  output(): Promise<string>;
  /** Processor time that it used so far, all threads. */
  cpuMs(): Promise<number>;
  close(): Promise<void>;
}

/** Programs that may run before the store: ours, or one that passes all bytes on and does nothing else. */
const PROGRAMS = { s3proxy: "proxy-child.ts", forwarder: "forwarder-child.ts" } as const;

/** Starts a proxy before a MinIO with TLS, bundled and with the flags of Node.js that a pod has. */
export async function startSeparateProxy(
  minio: Minio,
  name: keyof typeof PROGRAMS = "s3proxy",
): Promise<SeparateProxy> {
  const ca = await TestCa.create("clients");
  const { certificatePem, keyPem } = await ca.issue({ commonName: name, addresses: ["127.0.0.1"] });
  const folder = join(minio.directory, name);
  await mkdir(folder);
  const files = { "tls.crt": certificatePem, "tls.key": keyPem, "store-ca.crt": minio.ca ?? "" };
  for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text, { mode: 0o600 });
  const bundle = join(folder, `${name}.mjs`);
  await bundleService(fileURLToPath(new URL(PROGRAMS[name], import.meta.url)), bundle);
  const args = [...POD_NODE_FLAGS, bundle, minio.endpoint.origin, folder];
  const program = new Program(name, process.execPath, args, join(folder, `${name}.log`));
  let endpoint = "";
  await program.ready(async () => {
    endpoint = /listening on (\S+)/.exec(await program.output())?.[1] ?? "";
    if (endpoint === "") throw new Error("it does not listen yet");
  }, 120_000);
  const agent = new Agent({ keepAlive: true, ca: [ca.certificatePem, minio.ca ?? ""] });
  return {
    endpoint,
    agent,
    async peakRssBytes() {
      const status = await readFile(`/proc/${program.pid}/status`, "utf8");
      return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) * 1_024;
    },
    output: () => program.output(),
    cpuMs: () => program.cpuMs(),
    async close() {
      agent.destroy();
      await program.stop();
    },
  };
}
