/** Whether a TCP connection to an address comes about within half a minute. */
import { connect } from "node:net";

const [host = "", port = ""] = process.argv.slice(2);
const socket = connect({ host, port: Number(port), timeout: 30_000 });
const tell = (reached: boolean): void => {
  socket.destroy();
  console.log(JSON.stringify({ reached }));
};
socket.once("connect", () => tell(true));
socket.once("timeout", () => tell(false));
socket.once("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "ENOTFOUND" || error.code === "EAI_AGAIN") throw error;
  tell(false);
});
