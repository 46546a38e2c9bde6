import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { capture, loadRecords, localStatus } from "@constellation/infrastructure-local";
import { contains, createMarker, type Marker } from "../harness/marker.ts";
import type { MiniCluster } from "../harness/mini-cluster.ts";
import { parsePcap } from "../harness/pcap.ts";
import { say } from "../harness/say.ts";
import { type SharedCluster, show } from "../harness/show.ts";
import { BOOTSTRAP_TCP_PORTS, describeTraffic, judgeTraffic, type TrafficReport } from "../harness/traffic.ts";
import { podsSeenFrom, probe, SERVICE_URL, type WebPod } from "./workload.ts";
import { WEB } from "../harness/workload.ts";

const EXCHANGES = 20;

/** Show 6: what is on the wire between nodes while pods on different nodes exchange a marker. */
export function showTraffic(shared: SharedCluster): void {
  show("between nodes there is WireGuard and nothing of what pods say", shared, async (cluster, t) => {
    const marker = createMarker();
    const report = await captureTraffic(cluster, "exchange", marker, BOOTSTRAP_TCP_PORTS, t, async () => {
      for (const from of ["control-plane-0", "worker-0"]) await exchange(cluster, from, marker);
    });
    const wireguard = report.counts.get("between nodes: WireGuard") ?? 0;
    assert.ok(wireguard > 4 * EXCHANGES, `got ${wireguard} WireGuard packets: the exchange was not captured`);
  });
}

/** Sends the marker through the Service, which goes to both nodes, and to the pod on the other node. */
async function exchange(cluster: MiniCluster, from: string, marker: Marker): Promise<void> {
  const { kubectl, own, other } = await podsSeenFrom(cluster, from);
  for (const base of [SERVICE_URL, urlOf(other)]) {
    const answers = await probe(kubectl, own.name, "fetch", `${base}/echo?msg=${marker.text}`, String(EXCHANGES));
    assert.deepEqual(answers.trim().split("\n"), Array<string>(EXCHANGES).fill(marker.text));
  }
}

function urlOf({ address }: WebPod): string {
  return `http://${address}:${WEB.port}`;
}

/**
 * Captures everything on the nodes' network while `work` runs, and judges it: nothing but what is allowed, and the
 * marker nowhere.
 */
export async function captureTraffic(
  cluster: MiniCluster,
  name: string,
  marker: Marker,
  clearTcpPorts: readonly number[],
  t: { after(hook: () => Promise<void>): void },
  work: () => Promise<void>,
): Promise<TrafficReport> {
  const path = join(cluster.folder, `${name}.pcap`);
  await capture(cluster.workspace, path);
  t.after(() => capture(cluster.workspace, null).catch(() => undefined));
  await work();
  assert.equal((await localStatus(cluster.workspace))?.network?.capture?.missed, 0, "frames that were not captured");
  await capture(cluster.workspace, null);
  const bytes = await readFile(path);
  const nodes = new Set((await loadRecords(cluster.workspace)).map(({ address }) => address));
  const report = judgeTraffic(parsePcap(bytes), { nodes, clearTcpPorts });
  say(`captured ${bytes.length} bytes:\n${describeTraffic(report)}`);
  assert.deepEqual(report.violations, []);
  const found = [...parsePcap(bytes)].filter((frame) => contains(frame, marker));
  assert.equal(found.length, 0, `the marker is in ${found.length} frames`);
  return report;
}
