import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createLog } from "@constellation/pod";
import { startTestProxy } from "./proxy.ts";

// A proxy in a process of its own, so that its memory and its processor time can be seen alone. Its KEK is fixed: for
// tests and benchmarks only. The folder has the certificates.
const [, , endpoint = "", folder = ""] = process.argv;
const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");
const tls = { certificate: await read("tls.crt"), key: await read("tls.key") };
const log = createLog({ write: (line) => process.stdout.write(line), now: () => new Date() });
const proxy = await startTestProxy({ endpoint: new URL(endpoint), ca: await read("store-ca.crt") }, { log }, { tls });
process.stdout.write(`listening on ${proxy.endpoint}\n`);
process.once("SIGTERM", () => void proxy.close());
