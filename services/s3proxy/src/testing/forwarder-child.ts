import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { Agent, createServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

// What a proxy costs that does nothing: TLS on both sides, and all bytes passed on as they come by Node.js's own streams. For
// benchmarks. Requests keep the host that their clients signed. The folder has the certificates.
const [, , endpoint = "", folder = ""] = process.argv;
const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");
const { hostname, port } = new URL(endpoint);
const agent = new Agent({ keepAlive: true, ca: await read("store-ca.crt") });
const server = createServer({ cert: await read("tls.crt"), key: await read("tls.key") }, (request, response) => {
  const { method, url: path, headers } = request;
  const outgoing = httpsRequest({ hostname, port, method, path, headers, agent }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    pipeline(answer, response).catch(() => response.destroy());
  });
  pipeline(request, outgoing).catch(() => response.destroy());
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
process.stdout.write(`listening on https://127.0.0.1:${(server.address() as AddressInfo).port}\n`);
process.once("SIGTERM", () => process.exit(0));
