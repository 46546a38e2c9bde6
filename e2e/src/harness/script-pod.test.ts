import assert from "node:assert/strict";
import { test } from "node:test";
import { SERVICE_VERSION } from "@constellation/image/src/containers.ts";
import { scriptPod } from "./script-pod.ts";
import { UNPRIVILEGED } from "./workload.ts";

interface Shown {
  readonly spec: {
    readonly hostNetwork?: boolean;
    readonly securityContext?: object;
    readonly containers: readonly {
      readonly image: string;
      readonly command: readonly string[];
      readonly env: readonly object[];
      readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
      readonly securityContext: object;
    }[];
    readonly volumes: readonly { readonly name: string }[];
  };
}

const SCRIPT = { name: "a", namespace: "kube-system", file: "a.ts", args: ["x"] };

test("scriptPod() has no rights where none are asked for", () => {
  const { spec } = scriptPod({ ...SCRIPT, env: { A: "1" } }) as Shown;
  const [container] = spec.containers;
  assert.equal(container?.image, `constellation.internal/s3proxy:${SERVICE_VERSION}`);
  assert.deepEqual(container.securityContext, UNPRIVILEGED);
  assert.deepEqual(container.command, ["/usr/bin/node", "/script/script.mjs", "x"]);
  assert.deepEqual(container.env, [{ name: "A", value: "1" }]);
  assert.deepEqual(
    spec.volumes.map(({ name }) => name),
    ["script", "files"],
  );
});

test("scriptPod() gives a privileged script devices, memory, and the programs' paths", () => {
  const { spec } = scriptPod({ ...SCRIPT, image: "csi", privileged: { memory: "2Gi" } }) as Shown;
  const [container] = spec.containers;
  assert.equal(container?.image, `constellation.internal/csi:${SERVICE_VERSION}`);
  assert.deepEqual(container.securityContext, { privileged: true, readOnlyRootFilesystem: true });
  assert.equal(spec.securityContext, undefined);
  assert.equal(spec.hostNetwork, true);
  assert.deepEqual(container.env, [
    { name: "PATH", value: "/usr/sbin:/usr/bin:/sbin:/bin" },
    { name: "DM_DISABLE_UDEV", value: "1" },
  ]);
  assert.deepEqual(spec.volumes.slice(2), [
    { name: "dev", hostPath: { path: "/dev", type: "Directory" } },
    { name: "run", emptyDir: { medium: "Memory" } },
    { name: "work", emptyDir: { medium: "Memory", sizeLimit: "2Gi" } },
  ]);
  assert.deepEqual(
    container.volumeMounts.slice(2).map(({ mountPath }) => mountPath),
    ["/dev", "/run", "/work"],
  );
});
