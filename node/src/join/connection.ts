import {
  AttestationError,
  type Claims,
  type ClusterRegister,
  clusterRegisterOf,
  memberRegister,
  type Policy,
} from "@constellation/attestation";
import { AtlsError, connectAtls } from "@constellation/atls";
import { hex } from "@constellation/bytes";
import { createAtlsClient, fromConnectError, JoinService, type RpcClient } from "@constellation/rpc";
import { describeError, NodeError } from "../errors.ts";
import type { Dependencies, Platform } from "../machine/node.ts";
import { retry } from "../retry.ts";
import { policyAppraiser } from "./appraiser.ts";
import { Refusals } from "./refusals.ts";

/** The join service of one control plane, both sides attested. */
export interface JoinConnection {
  client: RpcClient<typeof JoinService>["client"];
  /** What the peer's evidence proved about it. */
  claims: Claims;
  /** Of the peer's evidence, and of this node's own. */
  variant: Policy["variant"];
  host: string;
}

/** Long enough for a quote on an emulated machine. */
const CONNECT_TIMEOUT_MS = 30_000;
/**
 * So that a control plane that is switched off does not hold up the others. The first three SYN go out within 3 s (RFC
 * 6298, section 2); the kernel of a machine that is there answers one of them, however slow its programs are.
 */
const TCP_TIMEOUT_MS = 4_000;
const TIMEOUTS = { timeoutMs: CONNECT_TIMEOUT_MS, tcpTimeoutMs: TCP_TIMEOUT_MS };
const CALL_TIMEOUT_MS = 60_000;

/**
 * Asks the join services of the known control planes in turn until one gives a ticket: with 100 ms between rounds at
 * first, never more than a second, so that a service that comes up is found within a second; one that can't serve now
 * or refused is left alone for longer. Each new kind of failure is told once, on the console too.
 */
export async function askJoinService<T>(
  addresses: () => readonly string[],
  platform: Platform,
  { options, log, console, now }: Dependencies,
  ask: (connection: JoinConnection, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const told = new Set<string>();
  const tell = (host: string, error: unknown): void => {
    const text = `join service at ${host}: ${describeError(error)}`;
    if (told.has(text)) return;
    told.add(text);
    log.warn("join service not usable", { host, error: describeError(error) });
    if (!isNotThereYet(error)) console(text);
  };
  let variant: Policy["variant"] = "qemu-vtpm";
  const appraiser = policyAppraiser(async () => {
    const policy = await platform.attester.joinPolicy(signal);
    variant = policy.variant;
    return policy;
  }, now);
  const refusals = new Refusals();
  const attempt = async (): Promise<T> => {
    const hosts = addresses();
    for (const host of hosts) {
      if (!refusals.isDue(host)) continue;
      try {
        const target = { host, port: options.ports.join, purpose: "join", attester: platform.attester, appraiser };
        const { socket, peer } = await connectAtls({ ...target, ...TIMEOUTS }, signal);
        const { client, close } = createAtlsClient(JoinService, { socket, timeoutMs: CALL_TIMEOUT_MS });
        try {
          return await ask({ client, claims: peer, variant, host }, signal);
        } finally {
          await close();
        }
      } catch (error) {
        if (signal.aborted) throw error;
        const known = error instanceof AtlsError || error instanceof NodeError ? error : fromConnectError(error);
        refusals.note(host, known);
        tell(host, known);
      }
    }
    throw new NodeError("platform", `Find join service failed: got no ticket from "${hosts.join(", ")}", wanted one`);
  };
  return await retry("a join ticket", attempt, { signal });
}

/**
 * The cluster that a ticket names must be the one whose ID stands in the peer's register. On a variant without one it is
 * what the peer says, which runs what this node runs. @throws NodeError `ticket`
 */
export function requireClusterOfPeer(
  clusterId: Uint8Array,
  { claims, variant }: Pick<JoinConnection, "claims" | "variant">,
): void {
  const register = clusterRegisterOf(variant);
  const wanted = claims.clusterRegister;
  const got = registerFor(register ?? { kind: "pcr", hash: "sha256" }, clusterId);
  if (register === undefined || got === wanted) return;
  throw new NodeError("ticket", `Check join ticket failed: got cluster PCR "${got}", wanted the peer's "${wanted}"`);
}

/** Whether a cluster is the one whose ID stands in the peer's register; any is on a variant without one. */
export function isClusterOfPeer(clusterId: Uint8Array, peer: Pick<JoinConnection, "claims" | "variant">): boolean {
  try {
    requireClusterOfPeer(clusterId, peer);
    return true;
  } catch (error) {
    if (error instanceof NodeError && error.code === "ticket") return false;
    throw error;
  }
}

/** Also refuses what is no cluster ID. */
function registerFor(register: ClusterRegister, clusterId: Uint8Array): string {
  try {
    return hex(memberRegister(register, clusterId));
  } catch (cause) {
    if (!(cause instanceof AttestationError)) throw cause;
    throw new NodeError("ticket", `Check join ticket failed: ${cause.message}`, { cause });
  }
}

function isNotThereYet(error: unknown): boolean {
  return error instanceof AtlsError && ["connect-failed", "closed", "timeout"].includes(error.code);
}
