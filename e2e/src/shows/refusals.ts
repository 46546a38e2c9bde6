import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { ANONYMOUS, connectAtls } from "@constellation/atls";
import { startNode, stopNode } from "@constellation/infrastructure-local";
import { createAtlsClient, fromConnectError, InitService, NodeRole } from "@constellation/rpc";
import type { List, Node } from "../harness/cluster-objects.ts";
import { addExtraWorkers, EXTRA, mendChangedRoot, removeExtraWorkers } from "../harness/extra-workers.ts";
import { eventLogOf, HostAttester } from "../harness/host-attester.ts";
import { Joiner } from "../harness/joiner.ts";
import type { MiniCluster } from "../harness/mini-cluster.ts";
import { RecordingProxy } from "../harness/recording-proxy.ts";
import {
  assertEvidenceRefused,
  assertRequestsRefused,
  granted,
  joinEndpoint,
  linesDuring,
  type LogLine,
  type RefusedRequest,
} from "../harness/refusal.ts";
import { say } from "../harness/say.ts";
import { type SharedCluster, show } from "../harness/show.ts";
import { minutes, waitUntil } from "../harness/wait.ts";
import { verifyNode } from "./verify.ts";

const BOOT_MS = minutes(20);
const INIT_PORT = 9000;
const VERIFY_PORT = 30081;
const CALL_TIMEOUT_MS = minutes(2);

/** A worker that is on record and must not get in all the same. */
interface Suspect {
  readonly what: string;
  readonly name: string;
  /** First check that fails in the join service. */
  readonly code: RegExp;
  readonly field: RegExp;
  /** Names of checks that `verify` reports as failed for it, beside PCR 15, which no fresh node has. */
  readonly failed: readonly string[];
}

const SUSPECTS: readonly Suspect[] = [
  {
    what: "with an extra kernel argument",
    name: EXTRA.argument,
    code: /^pcr_mismatch$/,
    field: /^pcr\[(9|12)\]$/,
    failed: ["pcr[12]"],
  },
  {
    what: "whose TPM is of another CA",
    name: EXTRA.foreignCa,
    code: /^ak_certificate_/,
    field: /^akCertificate\.chain$/,
    failed: ["akCertificate.chain"],
  },
  {
    what: "from an image with one byte of the root changed, and the rest mended",
    name: EXTRA.changedRoot,
    code: /^pcr_mismatch$/,
    field: /^pcr\[4\]$/,
    failed: ["pcr[4]", "pcr[11]"],
  },
];

/** Show 4: who is refused, each with its reason in the join service's or the CLI's output. */
export function showRefusals(shared: SharedCluster): void {
  show("an image with one byte of the root changed does not start", shared, async (cluster) => {
    await addExtraWorkers(cluster);
    await waitUntil({ what: "dm-verity to find the changed byte", timeoutMs: BOOT_MS }, async () => {
      const corrupted = /device-mapper: verity: .*is corrupted/.exec(await cluster.console(EXTRA.changedRoot));
      if (corrupted !== null) say(corrupted[0]);
      return corrupted ?? undefined;
    });
    await mendChangedRoot(cluster);
  });

  for (const suspect of SUSPECTS) {
    show(`a worker ${suspect.what} is refused`, shared, (cluster) => assertSuspectRefused(cluster, suspect));
  }

  show("a recorded worker gets its own disk key, not another's, and no other role", shared, async (cluster) => {
    await withGenuineEvidence(cluster, (attester) => assertOnlyItsOwn(cluster, attester));
  });

  show("a replayed join is refused: its evidence, and its bytes on the wire", shared, async (cluster) => {
    await withGenuineEvidence(cluster, (attester) => assertReplaysRefused(cluster, attester));
  });

  show("init of an initialised node is refused", shared, async (cluster) => {
    const { host } = await joinEndpoint(cluster);
    assert.equal(await refusedInit(host), "already_initialised");
  });

  show("the refused workers never became nodes, and go with apply", shared, async (cluster) => {
    await assertNoNode(
      cluster,
      SUSPECTS.map(({ name }) => name),
    );
    await removeExtraWorkers(cluster);
    const { exitCode } = await cluster.cli("status");
    assert.equal(exitCode, 0);
  });
}

/** The machine itself is refused, and so is whoever speaks for it and does not care what it joins. */
async function assertSuspectRefused(cluster: MiniCluster, { name, code, field, failed }: Suspect): Promise<void> {
  await startNode(cluster.workspace, name);
  const host = await cluster.loopbackAddress(name);
  const eventLog = await waitUntil({ what: `evidence of ${name}`, timeoutMs: BOOT_MS }, () =>
    eventLogOf(host, VERIFY_PORT),
  );
  await assertVerifyNames(cluster, name, failed);
  await assertMachineRefused(cluster, name);
  await assertNoNode(cluster, [name]);
  await stopNode(cluster.workspace, name);
  await HostAttester.with({ workspace: cluster.workspace, node: name, eventLog }, (attester) =>
    assertEvidenceRefused(cluster, attester, { code, field }),
  );
}

async function assertVerifyNames(cluster: MiniCluster, name: string, failed: readonly string[]): Promise<void> {
  const { accepted, pcrs, checks } = await verifyNode(cluster, name, 1);
  assert.equal(accepted, false);
  const all = [...checks, ...pcrs.map((pcr) => ({ name: `pcr[${pcr.index}]`, outcome: pcr.outcome }))];
  const names = all.filter(({ outcome }) => outcome === "fail").map((check) => check.name);
  say(`verify of ${name}: ${names.join(", ")} failed`);
  for (const wanted of failed) assert.ok(names.includes(wanted), `verify names ${wanted}`);
}

/** The machine tried by itself: the join service's log has it, and its console says why it is not in. */
async function assertMachineRefused(cluster: MiniCluster, name: string): Promise<void> {
  const { address } = await cluster.record(name);
  await waitUntil({ what: `the join service to refuse ${name}`, timeoutMs: BOOT_MS }, async (note) => {
    const lines = (await cluster.joinServiceLog()).filter(({ remote }) => remote === address);
    note(`${lines.length} lines about ${address}`);
    assert.equal(granted(lines).length, 0, `${name} got a ticket`);
    const refused = lines.findLast(({ event }) => event === "connection-refused");
    if (refused !== undefined) say(`join service: ${JSON.stringify(refused)}`);
    return refused;
  });
  await waitUntil(
    { what: `${name} to say that it was not let in`, timeoutMs: BOOT_MS },
    async () => /constellation .*join service at \S+: .*/.exec(await cluster.console(name)) ?? undefined,
  );
}

async function assertNoNode(cluster: MiniCluster, names: readonly string[]): Promise<void> {
  const kubectl = await cluster.kubectl();
  const { items } = await kubectl.json<List<Node>>(["get", "nodes"]);
  for (const { metadata } of items) assert.ok(!names.includes(metadata.name), `${metadata.name} is a node`);
}

/**
 * Evidence as of a worker that booted the right image: that whoever owns the computer can make it with a virtual TPM
 * is a known limit. What is shown here is that it gets that worker's ticket and nothing more.
 */
async function withGenuineEvidence(
  cluster: MiniCluster,
  work: (attester: HostAttester) => Promise<void>,
): Promise<void> {
  const { host } = await joinEndpoint(cluster);
  const eventLog = await eventLogOf(host, VERIFY_PORT);
  await HostAttester.with({ workspace: cluster.workspace, node: EXTRA.argument, eventLog }, work);
}

function hasGrant(lines: readonly LogLine[]): boolean {
  return granted(lines).length > 0;
}

async function assertOnlyItsOwn(cluster: MiniCluster, attester: HostAttester): Promise<void> {
  const own = await cluster.record(EXTRA.argument);
  const others = [await cluster.record("control-plane-0"), await cluster.record(EXTRA.foreignCa)];
  const endpoint = await joinEndpoint(cluster);
  await linesDuring(cluster, hasGrant, async () => {
    const control = await Joiner.connect(endpoint, attester);
    const { stateDiskKey } = await control.rejoin(own.diskUUID);
    await control.close();
    assert.ok(stateDiskKey.length >= 32, "the evidence is good enough for its own key");
  });
  let joiner: Joiner | undefined;
  const connected = async (): Promise<Joiner> => (joiner ??= await Joiner.connect(endpoint, attester));
  const rejoin = (diskUuid: string): RefusedRequest => {
    return { event: "rejoin", code: "disk_mismatch", send: async () => (await connected()).rejoin(diskUuid) };
  };
  const join = (code: string, role: NodeRole, diskUuid: string): RefusedRequest => {
    return { event: "join", code, send: async () => (await connected()).join({ role, diskUuid }) };
  };
  try {
    await assertRequestsRefused(cluster, [
      ...others.map(({ diskUUID }) => rejoin(diskUUID)),
      ...others.map(({ diskUUID }) => join("disk_mismatch", NodeRole.WORKER, diskUUID)),
      join("role_mismatch", NodeRole.CONTROL_PLANE, own.diskUUID),
      join("role_mismatch", NodeRole.UNSPECIFIED, own.diskUUID),
    ]);
  } finally {
    await joiner?.close();
  }
}

async function assertReplaysRefused(cluster: MiniCluster, attester: HostAttester): Promise<void> {
  const endpoint = await joinEndpoint(cluster);
  const { diskUUID } = await cluster.record(EXTRA.argument);
  const proxy = await RecordingProxy.start(endpoint);
  try {
    await linesDuring(cluster, hasGrant, async () => {
      const joiner = await Joiner.connect({ host: "127.0.0.1", port: proxy.port }, attester);
      await joiner.rejoin(diskUUID);
      await joiner.close();
    });
    const isTlsRefusal = ({ event, code }: LogLine): boolean => event === "connection-refused" && code === "tls-failed";
    const lines = await linesDuring(
      cluster,
      (written) => written.some(isTlsRefusal),
      () => proxy.replay(),
    );
    assert.equal(granted(lines).length, 0);
  } finally {
    await proxy.close();
  }
  const { last } = attester;
  assert.ok(last !== undefined);
  const replaying = { issue: () => Promise.resolve(last) };
  const wanted = { code: /^quote_qualifying_data$/, field: /^quote\.qualifyingData$/ };
  await assertEvidenceRefused(cluster, replaying, wanted);
}

/** Knocks at the init door with a master secret of our own, and gives the code of the refusal. */
async function refusedInit(host: string): Promise<string | undefined> {
  const appraiser = { appraise: () => Promise.resolve(true) };
  const target = { host, port: INIT_PORT, purpose: "init", attester: ANONYMOUS, appraiser } as const;
  const { socket } = await connectAtls(
    { ...target, timeoutMs: CALL_TIMEOUT_MS },
    AbortSignal.timeout(2 * CALL_TIMEOUT_MS),
  );
  const { client, close } = createAtlsClient(InitService, { socket, timeoutMs: CALL_TIMEOUT_MS });
  const secret = (): Uint8Array => new Uint8Array(randomBytes(32));
  const request = { masterSecret: secret(), masterSecretSalt: secret(), measurementSalt: secret() };
  try {
    for await (const { event } of client.init(request)) assert.fail(`the node answers with "${event.case}"`);
    return undefined;
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return fromConnectError(error).remoteCode;
  } finally {
    await close();
  }
}
