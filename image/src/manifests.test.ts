import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { withPatientOperator } from "./manifests.ts";

const OPERATOR = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: cilium-operator
spec:
  template:
    spec:
      containers:
        - name: cilium-operator
          livenessProbe:
            timeoutSeconds: 3
`;
const OTHER = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cilium-config\n";

test("withPatientOperator() gives the operator's liveness probe time and leaves the rest", () => {
  const changed = withPatientOperator(`${OTHER}---\n${OPERATOR}`);
  assert.match(changed, /timeoutSeconds: 30\n\s+failureThreshold: 20\n/);
  assert.ok(changed.startsWith(OTHER));
});

test("withPatientOperator() refuses a manifest without an operator", () => {
  assert.throws(() => withPatientOperator(OTHER), { code: "input_missing" });
});

test("the packet filter takes nothing for the key service from the wire: its ports are reached through WireGuard only", async () => {
  const rules = await readFile(new URL("../mkosi/mkosi.extra/etc/nftables.conf", import.meta.url), "utf8");
  const input = rules.slice(rules.indexOf("chain input {"), rules.indexOf("chain output {"));
  assert.match(input, /policy drop;/);
  const accepted = [...input.matchAll(/^\s*tcp dport (?:\{([^}]*)\}|(\d+)) accept$/gm)];
  const ports = accepted.flatMap(([, list = "", one = ""]) => `${list},${one}`.match(/\d+/g) ?? []).map(Number);
  assert.deepEqual(
    ports.sort((a, b) => a - b),
    [2379, 2380, 6443, 9000, 9999, 30081, 30090],
  );
});
