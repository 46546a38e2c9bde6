/**
 * A second control plane joins, its agent killed on the way; both agents are killed while Secrets are written; then both
 * machines lose power at once, and the operator recovers the cluster with the master secret.
 */
import assert from "node:assert/strict";
import { suite } from "node:test";
import { startNode, stopNode } from "@constellation/infrastructure-local";
import { bootsOf, untilReady } from "./harness/boots.ts";
import { DebugShell } from "./harness/debug-shell.ts";
import { etcdMembers, storedSecret } from "./harness/etcd.ts";
import { killAgentAt } from "./harness/kill-agent.ts";
import { say } from "./harness/say.ts";
import { show } from "./harness/show.ts";
import { minutes, waitUntil } from "./harness/wait.ts";
import { shareCluster } from "./shows/up.ts";
import { showEnd } from "./shows/end.ts";

const NAMES = ["control-plane-0", "control-plane-1"] as const;
const JOIN_MS = minutes(40);
const SECRET = { apiVersion: "v1", kind: "Secret", metadata: { name: "kept" }, stringData: { value: "still here" } };

void suite("two control planes", { timeout: minutes(120) }, () => {
  const shared = shareCluster({ debug: true, workers: 0 });

  show("a second control plane, killed while it joins, becomes a member", shared, async (own) => {
    await own.configure(["nodeGroups", "control_plane_default", "initialCount"], 2);
    await own.mustCli("apply", "--yes", "--skip-node-wait");
    const points = ["join.after-etcd", "join.after-control-plane"] as const;
    await killAgentAt(own, NAMES[1], points, { end: "continue", boot: undefined });
    await untilReady(own, NAMES, new Map(), JOIN_MS);
    const members = await etcdMembers(new DebugShell(own.workspace, NAMES[1]));
    say(members);
    assert.equal([...members.matchAll(/, started, control-plane-[01], /g)].length, 2, "both are members of etcd");
    const { exitCode } = await own.cli("verify");
    assert.equal(exitCode, 0);
  });

  show("Secrets are encrypted in etcd, and can be written when both agents were killed", shared, async (own) => {
    const kubectl = await own.kubectl();
    const metadata = { name: "after-kill", namespace: "default" };
    const shells = NAMES.map((name) => new DebugShell(own.workspace, name));
    for (const shell of shells) await shell.run("systemctl kill --signal=KILL constellation-node.service", minutes(3));
    await waitUntil({ what: "the KMS plugin to be back", timeoutMs: minutes(10) }, async () => {
      const health = await kubectl.run(["get", "--raw=/readyz?verbose"]).catch(() => "");
      return health.includes("[+]kms-providers ok") ? true : undefined;
    });
    await kubectl.apply({ ...SECRET, metadata });
    for (const shell of shells) {
      const stored = await storedSecret(shell, metadata.name);
      assert.match(stored, /k8s:enc:kms:v2:constellation:.*etcd-secrets\/1/);
      assert.ok(!stored.includes(SECRET.stringData.value));
      assert.equal((await shell.run("ls /etc/kubernetes/pki/constellation | grep -c encryption")).trim(), "0");
    }
  });

  show("after both lost power, recover brings the cluster back with its data", shared, async (own) => {
    const kubectl = await own.kubectl();
    await kubectl.apply({ ...SECRET, metadata: { ...SECRET.metadata, namespace: "default" } });
    const boots = await bootsOf(own);
    for (const name of NAMES) await stopNode(own.workspace, name);
    for (const name of NAMES) await startNode(own.workspace, name);
    const recovered = await own.mustCli("recover");
    assert.match(recovered.stderr, /Recovered [12] control-plane nodes?\./);
    await untilReady(own, NAMES, boots, JOIN_MS);
    const value = await kubectl.run([
      "--namespace=default",
      "get",
      "secret",
      "kept",
      "--output=jsonpath={.data.value}",
    ]);
    assert.equal(Buffer.from(value, "base64").toString(), "still here");
    const idle = await own.mustCli("recover");
    assert.match(idle.stderr, /No control-plane nodes in need of recovery found/);
  });
  showEnd(shared);
});
