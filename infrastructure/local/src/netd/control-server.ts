import { rm } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { MAX_LINE_BYTES, type NetdCommand, type NetdReply } from "./control-protocol.ts";

/** Serves commands, one JSON line each, on a unix socket in a folder that only its owner can enter. */
export async function serveControl(path: string, handle: (command: NetdCommand) => Promise<unknown>): Promise<Server> {
  await rm(path, { force: true });
  const server = createServer((socket) => serveConnection(socket, handle));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => resolve());
  });
  server.on("error", () => undefined); // accept errors such as EMFILE: the next one may work
  return server;
}

function serveConnection(socket: Socket, handle: (command: NetdCommand) => Promise<unknown>): void {
  let pending = "";
  let turn = Promise.resolve();
  socket.setEncoding("utf8");
  socket.on("error", () => socket.destroy());
  socket.on("data", (text: string) => {
    const lines = (pending + text).split("\n");
    pending = lines.pop() ?? "";
    if (pending.length > MAX_LINE_BYTES) return void socket.destroy();
    for (const line of lines) {
      turn = turn.then(async () => {
        const reply = await answer(line, handle);
        if (!socket.destroyed) socket.write(`${JSON.stringify(reply)}\n`);
      });
    }
  });
}

async function answer(line: string, handle: (command: NetdCommand) => Promise<unknown>): Promise<NetdReply> {
  try {
    return { ok: true, result: await handle(JSON.parse(line) as NetdCommand) };
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
}
