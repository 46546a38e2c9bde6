import assert from "node:assert/strict";
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
