import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { parseFlags } from "@constellation/pod";
import { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import { parseAllDocuments } from "yaml";
import { FLAG_DEFAULTS } from "./flags.ts";

const FOLDERS: Readonly<Record<string, string>> = {
  ServiceAccount: "/api/v1/namespaces/kube-system/serviceaccounts",
  Service: "/api/v1/namespaces/kube-system/services",
  NetworkPolicy: "/apis/networking.k8s.io/v1/namespaces/kube-system/networkpolicies",
  PodDisruptionBudget: "/apis/policy/v1/namespaces/kube-system/poddisruptionbudgets",
  Deployment: "/apis/apps/v1/namespaces/kube-system/deployments",
};

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
}

interface Pod {
  readonly serviceAccountName: string;
  readonly hostNetwork?: boolean;
  readonly automountServiceAccountToken: boolean;
  readonly containers: readonly {
    readonly image: string;
    readonly imagePullPolicy: string;
    readonly args: readonly string[];
    readonly volumeMounts: readonly { readonly mountPath: string; readonly readOnly: boolean }[];
  }[];
  readonly volumes: readonly { readonly projected?: { readonly sources: readonly unknown[] } }[];
}

describe("docs/s3proxy.yaml", () => {
  let api: KubeApiserver;
  let manifests: Manifest[];

  before(async () => {
    const text = await readFile(new URL("../../../docs/s3proxy.yaml", import.meta.url), "utf8");
    manifests = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
    api = await KubeApiserver.start();
  });
  after(async () => {
    await api?.stop();
  });

  test("is accepted whole by an API server that knows every field", async () => {
    for (const manifest of manifests) {
      const path = FOLDERS[manifest.kind];
      assert.ok(path !== undefined, manifest.kind);
      assert.equal(manifest.metadata.namespace, "kube-system");
      const answer = await api.call("POST", `${path}?fieldValidation=Strict`, manifest);
      assert.equal(answer.status, 201, JSON.stringify(answer));
    }
  });

  test("runs the image of the node as the service account that the key service knows, with files where the flags look", () => {
    const deployment = manifests.find(({ kind }) => kind === "Deployment") as unknown as {
      readonly spec: { readonly template: { readonly spec: Pod } };
    };
    const pod = deployment.spec.template.spec;
    const [container] = pod.containers;
    assert.ok(container !== undefined);
    assert.deepEqual(
      [pod.serviceAccountName, pod.automountServiceAccountToken, pod.hostNetwork],
      ["s3proxy", false, undefined],
    );
    assert.deepEqual([container.image, container.imagePullPolicy], ["constellation.internal/s3proxy:v0.1.0", "Never"]);
    const tokens = pod.volumes.flatMap(({ projected }) => projected?.sources ?? []);
    const audience = "key-service.constellation.internal";
    assert.deepEqual(tokens, [{ serviceAccountToken: { audience, expirationSeconds: 3_600, path: "token" } }]);
    const flags = parseFlags(container.args, FLAG_DEFAULTS);
    const files = [
      flags.tls,
      flags.clients,
      flags["store-credentials"],
      flags["services-ca"],
      flags["key-service-token"],
    ];
    for (const file of files) {
      assert.ok(
        container.volumeMounts.some(({ mountPath, readOnly }) => file.startsWith(mountPath) && readOnly),
        file,
      );
    }
  });
});
