import assert from "node:assert/strict";
import { type Code, ConnectError } from "@connectrpc/connect";
import { CODE_METADATA } from "@constellation/rpc";
import type { CsiErrorCode } from "../errors.ts";
import { VOLUME, World } from "./world.ts";

/** A world with a volume that was never used. */
export function newWorld(options: { integrity?: boolean } = {}): World {
  const world = new World();
  world.addVolume(VOLUME, options);
  return world;
}

/** A volume with data that is staged no more. */
export async function usedWorld(): Promise<World> {
  const world = newWorld();
  await world.stage();
  world.writeData();
  await world.unstage();
  return world;
}

/** The call is refused with this code of ours, and with this status where one is named. */
export async function refuses(call: Promise<unknown>, code: CsiErrorCode, status?: Code): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof ConnectError, String(error));
    assert.equal(error.metadata.get(CODE_METADATA), code, error.message);
    if (status !== undefined) assert.equal(error.code, status);
    return true;
  });
}
