import assert from "node:assert/strict";
import { resetNode } from "@constellation/infrastructure-local";
import type { FaultPoint } from "@constellation/node/src/fault.ts";
import { DebugShell } from "./debug-shell.ts";
import type { MiniCluster } from "./mini-cluster.ts";
import { say } from "./say.ts";
import { minutes, waitUntil } from "./wait.ts";

const STEP_MS = minutes(20);
const KILLED = /constellation-node\.service: Main process exited, code=killed, status=9\/KILL/g;
const RESET = /constellation .*reset: .*/;
const MEMBER = /constellation .*member of cluster .*/;
/** The agent is past the only point that it comes to by itself. */
const FORMATTED = /constellation .*waiting to join/;

/** What is known before, and what is to come of it. */
export interface KillOptions {
  /** Whether the node is to wipe itself and boot anew, or to go on in the same boot. */
  readonly end: "reset" | "continue";
  /** The boot that the machine is in; found out if undefined. */
  readonly boot: string | undefined;
}

/**
 * Has a node's agent killed with SIGKILL at these points of its way, one after the other, and gives the boot that the
 * machine is in then.
 */
export async function killAgentAt(
  cluster: MiniCluster,
  node: string,
  points: readonly FaultPoint[],
  { end, boot }: KillOptions,
): Promise<string> {
  const shell = new DebugShell(cluster.workspace, node);
  let before = boot ?? (await shell.bootAfter(undefined));
  // Where the console was when this boot began to be looked at, and when the agent was told to die.
  let since = 0;
  let told: number | undefined;
  const text = async (from: number): Promise<string> => (await cluster.console(node)).slice(from);
  await waitUntil({ what: `the agent on ${node} to be killed`, timeoutMs: STEP_MS }, async (note) => {
    if (told === undefined) {
      const end = (await cluster.console(node)).length;
      await shell.run(`mkdir -p /run/constellation; printf '%s\\n' ${points.join(" ")} > /run/constellation/fault`);
      told = end;
    }
    const kills = [...(await text(told)).matchAll(KILLED)].length;
    note(`killed ${kills} times of ${points.length}`);
    if (kills === points.length) return true;
    if (points[0] === "disk.after-format" && FORMATTED.test(await text(since))) {
      say(`${node} was faster than the test, and is reset`);
      since = (await cluster.console(node)).length;
      await resetNode(cluster.workspace, node);
      before = await shell.bootAfter(before);
      told = undefined;
    }
    return undefined;
  });
  const line = end === "reset" ? RESET : MEMBER;
  const found = await waitUntil({ what: `${node} to ${end}`, timeoutMs: STEP_MS }, async () => {
    const whole = await text(told ?? 0);
    return line.exec(whole.slice([...whole.matchAll(KILLED)].at(-1)?.index))?.[0];
  });
  say(found);
  if (end === "reset") return await shell.bootAfter(before);
  assert.doesNotMatch(await text(told ?? 0), RESET);
  assert.equal(await shell.bootAfter(undefined), before, "the machine goes on in the same boot");
  // In the same boot, so the file is gone only if every point was come to.
  assert.equal((await shell.run("ls /run/constellation/fault 2>/dev/null")).trim(), "", "killed where it was told");
  return before;
}
