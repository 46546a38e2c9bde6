/** The floor of key releases: answers the key service's message with the same bytes to whoever asks. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { KeyService, serveTls } from "@constellation/rpc";

const [pki = ""] = process.argv.slice(2);
const dataKey = new Uint8Array(32).fill(1);
const { address } = await serveTls({
  host: "127.0.0.1",
  port: 0,
  certificate: readFileSync(join(pki, "key-service.crt"), "utf8"),
  key: readFileSync(join(pki, "key-service.key"), "utf8"),
  maxConnectionsPerAddress: 64,
  statuses: {},
  routes: (router) => void router.service(KeyService, { getDataKey: () => ({ dataKey, generation: 1 }) }),
});
console.log(`listening on ${address.port}`);
