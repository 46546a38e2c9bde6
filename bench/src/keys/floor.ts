import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createKeyServiceClient, type KeyServiceClient } from "@constellation/key-client";
import { bundleService, POD_NODE_FLAGS } from "@constellation/testkit/bundle";
import { Program } from "@constellation/testkit/program";

const READY_MS = 60_000;

/** A server that answers as the key service does, and does nothing for it. */
export interface Floor {
  readonly program: Program;
  /** A client that sends a token, which nobody looks at. */
  client(token: string): Promise<KeyServiceClient>;
  close(): Promise<void>;
}

/** Starts the floor in a process of its own, bundled and with the flags of Node.js that a pod has. */
export async function startFloor(pkiDirectory: string): Promise<Floor> {
  const folder = await mkdtemp(join(tmpdir(), "constellation-bench-keys-"));
  const bundle = join(folder, "floor.mjs");
  await bundleService(join(import.meta.dirname, "floor-child.ts"), bundle);
  const args = [...POD_NODE_FLAGS, bundle, pkiDirectory];
  const program = new Program("floor", process.execPath, args, join(folder, "floor.log"));
  let port = "";
  await program.ready(async () => {
    port = /listening on (\d+)/.exec(await program.output())?.[1] ?? "";
    if (port === "") throw new Error("it does not listen yet");
  }, READY_MS);
  let clients = 0;
  return {
    program,
    async client(token) {
      const tokenFile = join(folder, `token-${clients++}`);
      await writeFile(tokenFile, token);
      return createKeyServiceClient({
        address: `127.0.0.1:${port}`,
        caFile: join(pkiDirectory, "ca.crt"),
        tokenFile,
      });
    },
    async close() {
      await program.stop();
      await rm(folder, { recursive: true });
    },
  };
}
