import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createPrivateKey } from "node:crypto";
import { request, type RequestOptions } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { EtcdSecretsKey, MasterSecret } from "@constellation/keys";
import type { RpcServer } from "@constellation/rpc";
import { componentPrograms } from "@constellation/testkit/kube-apiserver";
import { freePorts, Program } from "@constellation/testkit/program";
import { parse, parseAllDocuments } from "yaml";
import { exec } from "@constellation/exec";
import { PATHS } from "../options.ts";
import { createKeyPair, issueCertificate, privateKeyPem } from "../pki/certificate.ts";
import { issueKubeletIdentity, type KubeletIdentity } from "../pki/kubelet-pki.ts";
import type { KubeObject } from "./apply.ts";
import { type ClusterAdmin, createClusterAdmin } from "./cluster-admin.ts";
import { nodePermissions, rootKeyObjects, servicesCaObject } from "./cluster-objects.ts";
import { writePolicies } from "./control-plane-files.ts";
import { EtcdKeyring } from "../kms/etcd-keyring.ts";
import { serveKmsPlugin } from "../kms/plugin.ts";
import { initDocuments } from "./kubeadm-config.ts";
import { keyServiceAddress, kubeletConfiguration } from "./kubelet-config.ts";
import { POLICY_FILES } from "./policies.ts";
import { writeStaticPodPatches } from "./static-pod-patches.ts";

const signal = new AbortController().signal;
// Documentation's own network (RFC 5737): the API server does not advertise a loopback address.
const ADDRESS = "192.0.2.10";
const SECRET = new Uint8Array(32).fill(0x5e);
const TIMEOUT_MS = 120_000;
const SERVICE_CIDR = "10.96.0.0/12";
/** Cilium's operator makes the real one; only its name and paths count here. */
const CILIUM_NODE_DEFINITION: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "ciliumnodes.cilium.io" },
  spec: {
    group: "cilium.io",
    scope: "Cluster",
    names: { kind: "CiliumNode", plural: "ciliumnodes", singular: "ciliumnode" },
    versions: [
      {
        name: "v2",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } },
      },
    ],
  },
};

describe("the control plane that kubeadm makes of our documents, with real etcd and kube-apiserver", () => {
  let root: string;
  let programs: Program[] = [];
  let port: number;
  let etcdPort: number;
  let cluster: ClusterAdmin;
  let kubelet: KubeletIdentity;
  let kms: RpcServer<string>;
  const ring = new EtcdKeyring(() => 0);
  let startApiServer: () => Promise<void>;
  const [etcd = "", etcdctl = "", apiServer = "", kubeadm = ""] = componentPrograms([
    "etcd",
    "etcdctl",
    "kube-apiserver",
    "kubeadm",
  ]);

  before(async () => {
    root = await mkdtemp(join(tmpdir(), "constellation-control-plane-"));
    const [api = 0, client = 0, peer = 0, metrics = 0] = await freePorts(4);
    port = api;
    etcdPort = client;
    const config = await writeFiles();
    const etcdArgs = (await podCommand(config, ["etcd", "local"], "etcd")).map((arg) =>
      inRoot(arg)
        .replaceAll(ADDRESS, "127.0.0.1")
        .replaceAll(":2379", `:${client}`)
        .replaceAll(":2380", `:${peer}`)
        .replaceAll(":2381", `:${metrics}`)
        .replace(/^(--listen-client-urls=https:[^,]*),.*/, "$1"),
    );
    const apiArgs = (await podCommand(config, ["control-plane", "apiserver"], "kube-apiserver")).map((arg) =>
      inRoot(arg).replace(":2379", `:${client}`).replace("--secure-port=6443", `--secure-port=${port}`),
    );
    programs = [new Program("etcd", etcd, etcdArgs, join(root, "etcd.log"))];
    startApiServer = async () => {
      await programs[1]?.stop();
      programs[1] = new Program(
        "kube-apiserver",
        apiServer,
        [...apiArgs, "--bind-address=127.0.0.1"],
        join(root, "api.log"),
      );
      await programs[1].ready(async () => assert.equal((await get("/readyz")).status, 200), TIMEOUT_MS);
    };
    await startApiServer();
    cluster = createClusterAdmin({ root, host: "127.0.0.1", port, now: () => new Date() });
  });
  after(async () => {
    for (const program of programs.toReversed()) await program.stop();
    await kms?.close();
    await rm(root, { recursive: true, force: true });
  });

  /** The files of a node, below a directory of the test's own. */
  async function writeFiles(): Promise<string> {
    const timingProfile = "patient";
    const serviceCidr = SERVICE_CIDR;
    const configuration = kubeletConfiguration({ serviceCidr, resolvConf: "/etc/resolv.conf", timingProfile });
    const documents = initDocuments(
      {
        nodeName: "control-plane-0",
        nodeAddress: ADDRESS,
        timingProfile,
        clusterName: "test",
        kubernetesVersion: "v1.36.4",
        serviceCidr,
        podSubnet: "10.244.0.0/16",
        certSans: ["localhost"],
        apiProxyPort: 7443,
      },
      configuration,
    );
    const config = join(root, "kubeadm.yaml");
    await writeFile(config, inRoot(documents));
    await mkdir(root + PATHS.auditLogs, { recursive: true });
    await mkdir(root + PATHS.etcdData, { recursive: true, mode: 0o700 });
    await exec({ program: kubeadm, args: ["init", "phase", "certs", "all", `--config=${config}`] }, signal);
    await writeStaticPodPatches(root, timingProfile);
    await writePolicies(root, timingProfile);
    const encryption = `${root}${PATHS.policies}/${POLICY_FILES.encryption}`;
    await writeFile(encryption, inRoot(await readFile(encryption, "utf8")));
    ring.replace([{ generation: 1, key: new EtcdSecretsKey(new Uint8Array(32).fill(1)) }], "at-once");
    kms = await serveKmsPlugin(ring, root + PATHS.kmsSocket, { debug() {}, info() {}, warn() {}, error() {} });
    kubelet = await issueKubeletIdentity(root + PATHS.pki, { name: "control-plane-0", address: ADDRESS }, new Date());
    return config;
  }

  function inRoot(text: string): string {
    const paths = ["/etc/kubernetes", "/var/lib/etcd", "/var/log/kubernetes", "/run/constellation"];
    return paths.reduce((all, path) => all.replaceAll(path, root + path), text);
  }

  /** The command that kubeadm puts into a static pod, without the program itself; paths are still the node's. */
  async function podCommand(config: string, phase: string[], pod: string): Promise<string[]> {
    const dryRun = join(root, `dry-run-${pod}`);
    await mkdir(dryRun);
    const env = { KUBEADM_INIT_DRYRUN_DIR: dryRun };
    await exec({ program: kubeadm, args: ["init", "phase", ...phase, `--config=${config}`, "--dry-run"], env }, signal);
    const text = await readFile(join(dryRun, `${pod}.yaml`), "utf8");
    const { spec } = parse(text) as {
      spec: { containers: { command: string[]; livenessProbe: { failureThreshold: number } }[] };
    };
    assert.equal(spec.containers[0]?.livenessProbe.failureThreshold, 60, "the patient profile's patch");
    // The configuration's paths are below the test's root already.
    return (spec.containers[0]?.command.slice(1) ?? []).map((arg) => arg.replaceAll(root, ""));
  }

  /** Writes a CiliumNode as a service account whose token was made for a pod on `node`, and gives the status. */
  async function writeCiliumNode(name: string, user: string, node: string | undefined): Promise<number> {
    const headers = {
      "content-type": "application/apply-patch+yaml",
      "impersonate-user": user,
      "impersonate-group": "system:masters",
      ...(node === undefined ? {} : { "impersonate-extra-authentication.kubernetes.io%2fnode-name": node }),
    };
    const object = {
      apiVersion: "cilium.io/v2",
      kind: "CiliumNode",
      metadata: { name: name.split("/")[0] },
      [name.endsWith("/status") ? "status" : "spec"]: { by: `${user} on ${node}` },
    };
    const path = `/apis/cilium.io/v2/ciliumnodes/${name}?fieldManager=test&force=true`;
    return (await send({ method: "PATCH", path, headers }, await administrator(), JSON.stringify(object))).status;
  }

  /** Who may do everything, impersonate others included. */
  async function administrator(): Promise<KubeletIdentity> {
    const keys = createKeyPair();
    const certificatePem = issueCertificate(
      {
        subject: { commonName: "test", organization: "system:masters" },
        publicKey: keys.publicKey,
        usage: "client",
        altNames: [],
        notBefore: new Date(Date.now() - 60_000),
        notAfter: new Date(Date.now() + 600_000),
      },
      {
        certificatePem: await readFile(`${root}${PATHS.pki}/ca.crt`, "utf8"),
        privateKey: createPrivateKey(await readFile(`${root}${PATHS.pki}/ca.key`, "utf8")),
      },
    );
    return { certificatePem, privateKeyPem: privateKeyPem(keys.privateKey) };
  }

  async function waitUntil(holds: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + TIMEOUT_MS;
    while (!(await holds())) {
      assert.ok(Date.now() < end, "the policy never counted");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** What etcd holds of the keyring's Secret. */
  async function storedMasterSecret(): Promise<string> {
    const pki = `${root}${PATHS.pki}`;
    const credentials = [
      `--cacert=${pki}/etcd/ca.crt`,
      `--cert=${pki}/apiserver-etcd-client.crt`,
      `--key=${pki}/apiserver-etcd-client.key`,
    ];
    const key = "/registry/secrets/kube-system/constellation-master-secret";
    const endpoint = `--endpoints=https://127.0.0.1:${etcdPort}`;
    const args = [endpoint, ...credentials, "get", "--print-value-only", key];
    return (await exec({ program: etcdctl, args }, signal)).stdout;
  }

  /** Patches an object and gives the status. */
  async function patch(path: string, change: object, identity: KubeletIdentity): Promise<number> {
    const headers = { "content-type": "application/merge-patch+json" };
    return (await send({ method: "PATCH", path, headers }, identity, JSON.stringify(change))).status;
  }

  function get(path: string, identity?: KubeletIdentity): Promise<{ status: number; body: string }> {
    return send({ path }, identity);
  }

  async function send(
    options: RequestOptions,
    identity?: KubeletIdentity,
    content?: string,
  ): Promise<{ status: number; body: string }> {
    const ca = await readFile(`${root}${PATHS.pki}/ca.crt`);
    const credentials = identity === undefined ? {} : { cert: identity.certificatePem, key: identity.privateKeyPem };
    return await new Promise((resolve, reject) => {
      const outgoing = request(
        { ...options, host: "127.0.0.1", port, ca, agent: false, ...credentials },
        (incoming) => {
          let body = "";
          incoming.setEncoding("utf8").on("data", (text: string) => (body += text));
          incoming.once("end", () => resolve({ status: incoming.statusCode ?? 0, body }));
        },
      );
      outgoing.once("error", reject).end(content);
    });
  }

  test("lets nobody ask for more than its health without credentials", async () => {
    assert.equal((await get("/livez")).status, 200);
    for (const path of ["/version", "/api", "/apis", "/openapi/v2", "/metrics", "/api/v1/namespaces"]) {
      assert.equal((await get(path)).status, 401, path);
    }
  });

  test("takes our objects, and takes them again", async () => {
    const root = { master: new MasterSecret(SECRET), salt: new Uint8Array(32) };
    const objects = [...rootKeyObjects(root, undefined), servicesCaObject("PEM"), ...nodePermissions()];
    await cluster.apply(objects, signal);
    await cluster.apply(objects, signal);
  });

  test("keeps secrets encrypted in etcd", async () => {
    const stored = await storedMasterSecret();
    assert.match(stored, /^k8s:enc:kms:v2:constellation:/);
    assert.ok(!stored.includes(Buffer.from(SECRET).toString("latin1")));
  });

  test("writes down who touched a secret, but not what is in it", async () => {
    const log = await readFile(`${root}${PATHS.auditLogs}/audit.log`, "utf8");
    assert.match(log, /"name":"constellation-master-secret"/);
    assert.match(log, /"username":"constellation:node-agent"/);
    assert.ok(!log.includes(Buffer.from(SECRET).toString("base64")));
  });

  test("lets no Service take the join service's ports or a node's address", async () => {
    const service = (spec: object): KubeObject => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "thief", namespace: "default" },
      spec,
    });
    const refuses = (spec: object, message: RegExp): Promise<void> =>
      assert.rejects(cluster.apply([service(spec)], signal), { code: "kubernetes", message });
    for (const nodePort of [30081, 30090, 30091]) {
      await refuses({ type: "NodePort", ports: [{ port: 80, nodePort }] }, /not in the valid range/);
    }
    await refuses({ ports: [{ port: 30090 }], externalIPs: [ADDRESS] }, /external IPs/i);
    await cluster.apply([service({ type: "NodePort", ports: [{ port: 80, nodePort: 30100 }] })], signal);
  });

  test("lets a Cilium agent write the CiliumNode of its own node alone", async () => {
    const file = join(import.meta.dirname, "../../../image/manifests/constellation.yaml");
    const text = (await readFile(file, "utf8")).replace("@@KEY_SERVICE@@", keyServiceAddress(SERVICE_CIDR));
    const manifests = parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
    await cluster.apply([CILIUM_NODE_DEFINITION, ...manifests], signal);
    const agent = "system:serviceaccount:kube-system:cilium";
    // A policy counts from when the API server has seen it.
    await waitUntil(async () => (await writeCiliumNode("worker-1", agent, "worker-0")) === 403);
    assert.equal(await writeCiliumNode("worker-1", agent, undefined), 403, "a token of no node");
    assert.equal(await writeCiliumNode("worker-0", agent, "worker-0"), 201, "creates its own");
    assert.equal(await writeCiliumNode("worker-0", agent, "worker-0"), 200, "updates its own");
    assert.equal(await writeCiliumNode("worker-0", agent, "worker-1"), 403, "updates another's");
    assert.equal(await writeCiliumNode("worker-0/status", agent, "worker-1"), 403, "updates another's status");
    const operator = "system:serviceaccount:kube-system:cilium-operator";
    assert.equal(await writeCiliumNode("worker-0", operator, "control-plane-0"), 200, "the operator is another");
  });

  test("takes the manifests of the volumes' layer, also a second time", async () => {
    const file = join(import.meta.dirname, "../../../image/manifests/csi.yaml");
    const manifests = parseAllDocuments(await readFile(file, "utf8")).map((document) => document.toJS() as KubeObject);
    assert.ok(manifests.some(({ kind }) => kind === "MutatingAdmissionPolicy"));
    await cluster.apply(manifests, signal);
    await cluster.apply(manifests, signal);
  });

  test("knows the kubelet by the certificate that the agent issued, as that node alone", async () => {
    // Not found and not forbidden: the node may ask for itself.
    assert.equal((await get("/api/v1/nodes/control-plane-0", kubelet)).status, 404);
    assert.equal((await get("/api/v1/nodes/worker-0", kubelet)).status, 403);
    assert.equal((await get("/api/v1/namespaces/kube-system/secrets", kubelet)).status, 403);
  });

  test("lets a node say of which generation its disk is, on its own Node alone", async () => {
    const metadata = { annotations: { "constellation.internal/state-disk-generation": "2" } };
    const headers = { "content-type": "application/json" };
    for (const name of ["control-plane-0", "worker-0"]) {
      const node = JSON.stringify({ apiVersion: "v1", kind: "Node", metadata: { name } });
      await send({ method: "POST", path: "/api/v1/nodes", headers }, await administrator(), node);
    }
    assert.equal(await patch("/api/v1/nodes/control-plane-0", { metadata }, kubelet), 200);
    assert.equal(await patch("/api/v1/nodes/worker-0", { metadata }, kubelet), 403);
  });

  // What `keys rotate` rests on.
  test("writes a secret again under the current key when it is patched with nothing", async () => {
    const key = (generation: number) => ({ generation, key: new EtcdSecretsKey(new Uint8Array(32).fill(generation)) });
    ring.replace([key(1), key(2)], "at-once");
    const path = "/api/v1/namespaces/kube-system/secrets/constellation-master-secret";
    const { data } = JSON.parse((await get(path, await administrator())).body) as { data: object };
    await waitUntil(async () => {
      const { body } = await get(path, await administrator());
      const { resourceVersion } = (JSON.parse(body) as { metadata: { resourceVersion: string } }).metadata;
      assert.equal(await patch(path, { metadata: { resourceVersion } }, await administrator()), 200);
      return (await storedMasterSecret()).includes("etcd-secrets/2");
    });
    ring.replace([key(2)], "at-once");
    const after = JSON.parse((await get(path, await administrator())).body) as { data: object };
    assert.deepEqual(after.data, data);
  });
});
