import { connect } from "node:net";
import { LocalError } from "../errors.ts";
import { MAX_LINE_BYTES, type NetdCommand, type NetdReply, type NetdStatus } from "./control-protocol.ts";

const TIMEOUT_MS = 15_000;

/**
 * Sends one command to the netd behind the control socket `path` and gives its result.
 * @throws LocalError "control-failed"
 */
export async function netdCommand(path: string, command: NetdCommand): Promise<unknown> {
  const reply = JSON.parse(await exchangeLine(path, JSON.stringify(command))) as NetdReply;
  if (reply.ok) return reply.result;
  throw new LocalError("control-failed", `Run netd command "${command.command}" failed: ${reply.error}`);
}

/** What netd knows of itself. */
export async function netdStatus(path: string): Promise<NetdStatus> {
  return (await netdCommand(path, { command: "status" })) as NetdStatus;
}

async function exchangeLine(path: string, line: string): Promise<string> {
  const socket = connect(path);
  socket.setEncoding("utf8");
  try {
    return await new Promise<string>((resolve, reject) => {
      let text = "";
      const fail = (cause?: Error): void => {
        reject(new LocalError("control-failed", `Talk to netd failed: no answer on "${path}"`, { cause }));
      };
      socket.setTimeout(TIMEOUT_MS, () => fail());
      socket.once("error", fail);
      socket.once("close", () => fail());
      socket.once("connect", () => socket.write(`${line}\n`));
      socket.on("data", (chunk: string) => {
        text += chunk;
        if (text.endsWith("\n")) resolve(text);
        else if (text.length > MAX_LINE_BYTES) fail();
      });
    });
  } finally {
    socket.destroy();
  }
}
