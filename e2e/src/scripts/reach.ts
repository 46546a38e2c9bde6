/**
 * Whether a TCP connection to an address comes about within half a minute. A name that is not found and a connection that
 * is refused are failures: only silence is what a policy answers.
 */
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { connect } from "node:net";

const [name = "", port = ""] = process.argv.slice(2);
const { address: host } = await lookup(name, { family: 4 });
const socket = connect({ host, port: Number(port), timeout: 30_000 });
const reached = await Promise.race([
  once(socket, "connect").then(() => true),
  once(socket, "timeout").then(() => false),
]);
socket.destroy();
console.log(JSON.stringify({ reached }));
