import { GUEST_NETWORK } from "../addressing.ts";
import { LocalError } from "../errors.ts";
import type { ProcessIdentity } from "../host/process-identity.ts";
import { spawnDetached } from "../host/spawn-detached.ts";
import { QmpClient } from "../qmp.ts";
import { toolCommand } from "../tools-tree.ts";
import { escapeValue } from "../vm/arguments.ts";

/** What the gateway's process needs. */
export interface GatewayOptions {
  /** netd's socket for the gateway. */
  switchSocket: string;
  qmpSocket: string;
  logPath: string;
  tag: string;
}

/** A TCP forward from an address of the host to a machine. */
export interface Forward {
  hostAddress: string;
  hostPort: number;
  guestAddress: string;
  guestPort: number;
}

/**
 * Starts the way out of the guests' network: a QEMU without a machine that joins libslirp to the switch by a hub.
 * @throws LocalError "process-died"
 */
export async function startGateway(options: GatewayOptions): Promise<ProcessIdentity> {
  const { cidr, gateway, dns } = GUEST_NETWORK;
  return await spawnDetached({
    command: toolCommand("qemu-system-x86_64"),
    args: [
      ["-name", "constellation-gateway", "-machine", "none", "-nodefaults", "-no-user-config", "-display", "none"],
      ["-netdev", `user,id=slirp,net=${cidr},host=${gateway},dns=${dns},ipv6=off`],
      "-netdev",
      `stream,id=switch,server=off,reconnect-ms=500,addr.type=unix,addr.path=${escapeValue(options.switchSocket)}`,
      ["-netdev", "hubport,id=hub-slirp,hubid=0,netdev=slirp"],
      ["-netdev", "hubport,id=hub-switch,hubid=0,netdev=switch"],
      ["-qmp", `unix:${escapeValue(options.qmpSocket)},server=on,wait=off`],
    ].flat(),
    tag: options.tag,
    logPath: options.logPath,
  });
}

/**
 * Makes the gateway's forwards exactly those wanted; open connections of forwards that stay are not disturbed.
 * @throws LocalError "port-busy" | "qmp-failed"
 */
export async function reconcileForwards(qmpSocket: string, wanted: readonly Forward[]): Promise<void> {
  await QmpClient.with(qmpSocket, async (qmp) => {
    const present = parseForwards(await qmp.monitor("info usernet"));
    const keys = new Set(wanted.map(forwardKey));
    for (const forward of present.filter((f) => !keys.has(forwardKey(f)))) {
      await qmp.monitor(`hostfwd_remove slirp tcp:${forward.hostAddress}:${forward.hostPort}`);
    }
    const there = new Set(present.map(forwardKey));
    for (const forward of wanted.filter((f) => !there.has(forwardKey(f)))) await addForward(qmp, forward);
  });
}

async function addForward(qmp: QmpClient, forward: Forward): Promise<void> {
  const { hostAddress, hostPort, guestAddress, guestPort } = forward;
  const rule = `tcp:${hostAddress}:${hostPort}-${guestAddress}:${guestPort}`;
  const complaint = (await qmp.monitor(`hostfwd_add slirp ${rule}`)).trim();
  if (complaint === "") return;
  throw new LocalError("port-busy", `Forward port failed: "${hostAddress}:${hostPort}" (${complaint})`, {
    hint: `stop the program that listens on port ${hostPort} (ss -ltnp 'sport = :${hostPort}')`,
  });
}

/** The forwards that `info usernet` lists. */
export function parseForwards(text: string): Forward[] {
  const line = /^\s*TCP\[HOST_FORWARD\]\s+\d+\s+(\S+)\s+(\d+)\s+(\S+)\s+(\d+)\s/gm;
  return [...text.matchAll(line)].map(([, hostAddress = "", hostPort, guestAddress = "", guestPort]) => ({
    hostAddress,
    hostPort: Number(hostPort),
    guestAddress,
    guestPort: Number(guestPort),
  }));
}

function forwardKey(forward: Forward): string {
  return `${forward.hostAddress}:${forward.hostPort}-${forward.guestAddress}:${forward.guestPort}`;
}
