import assert from "node:assert/strict";
import { AtlsError, type Attester } from "@constellation/atls";
import { RpcError } from "@constellation/rpc";
import { Joiner } from "./joiner.ts";
import type { MiniCluster } from "./mini-cluster.ts";
import { say } from "./say.ts";
import { minutes, waitUntil } from "./wait.ts";

/** Port of the join service on control planes. */
const JOIN_PORT = 30090;

/** What the join service wrote about one refusal. */
export type LogLine = Readonly<Record<string, unknown>>;

/** Where the join service is reached from this computer. */
export async function joinEndpoint(cluster: MiniCluster): Promise<{ host: string; port: number }> {
  return { host: (await cluster.state()).infrastructure.clusterEndpoint, port: JOIN_PORT };
}

/**
 * Lines that the join service writes while `work` runs, once all that are `wanted` are there: it writes a line after it
 * has answered, and the log takes its time.
 * @throws HarnessError `timeout`
 */
export async function linesDuring(
  cluster: MiniCluster,
  wanted: (lines: readonly LogLine[]) => boolean,
  work: () => Promise<unknown>,
): Promise<LogLine[]> {
  const before = (await cluster.joinServiceLog()).length;
  await work();
  const waiting = { what: "the join service's lines about it", timeoutMs: minutes(2) };
  const lines = await waitUntil(waiting, async (note) => {
    const written = (await cluster.joinServiceLog()).slice(before);
    note(JSON.stringify(written));
    return wanted(written) ? written : undefined;
  });
  for (const line of lines) say(`join service: ${JSON.stringify(line)}`);
  return lines;
}

/**
 * A client that would accept any server is refused for its evidence: it hears the code of the check, and the join
 * service's log has field, got and wanted.
 */
export async function assertEvidenceRefused(
  cluster: MiniCluster,
  attester: Attester,
  wanted: { readonly code: RegExp; readonly field: RegExp },
): Promise<void> {
  const endpoint = await joinEndpoint(cluster);
  const isRefusal = ({ event, code }: LogLine): boolean =>
    event === "connection-refused" && wanted.code.test(String(code));
  const hasRefusal = (lines: readonly LogLine[]): boolean => lines.some(isRefusal);
  const lines = await linesDuring(cluster, hasRefusal, async () => {
    await assert.rejects(Joiner.connect(endpoint, attester), (error: unknown) => {
      assert.ok(error instanceof AtlsError, String(error));
      assert.deepEqual([error.code, error.peerCode], ["peer-refused", "evidence-refused"]);
      assert.match(/: (\w+)$/.exec(error.peerText ?? "")?.[1] ?? "", wanted.code);
      return true;
    });
  });
  const line = lines.find(isRefusal) ?? {};
  assert.match(String(line["field"]), wanted.field);
  for (const field of ["got", "wanted", "reason"]) assert.equal(typeof line[field], "string", `${field} is logged`);
}

/** A request, and the code with which it must be refused. */
export interface RefusedRequest {
  readonly event: "join" | "rejoin";
  readonly code: string;
  readonly send: () => Promise<unknown>;
}

/**
 * Requests of an attested client are refused with these codes, in the answers and in the join service's log. They are
 * sent one right after the other: an idle connection is closed.
 */
export async function assertRequestsRefused(cluster: MiniCluster, requests: readonly RefusedRequest[]): Promise<void> {
  const decisions = (lines: readonly LogLine[]): readonly LogLine[] =>
    lines.filter(({ event }) => event === "join" || event === "rejoin");
  const allLogged = (lines: readonly LogLine[]): boolean => decisions(lines).length >= requests.length;
  const lines = await linesDuring(cluster, allLogged, async () => {
    for (const { code, send } of requests) {
      await assert.rejects(send(), (error: unknown) => {
        assert.ok(error instanceof RpcError, String(error));
        assert.deepEqual([error.code, error.remoteCode], ["permission-denied", code]);
        return true;
      });
    }
  });
  assert.deepEqual(
    decisions(lines).map(({ event, outcome, code }) => ({ event, outcome, code })),
    requests.map(({ event, code }) => ({ event, outcome: "refused", code })),
  );
}

/** Tickets that were given out. */
export function granted(lines: readonly LogLine[]): readonly LogLine[] {
  return lines.filter(({ outcome }) => outcome === "granted");
}
