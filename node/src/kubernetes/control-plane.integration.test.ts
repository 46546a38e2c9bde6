import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { EtcdSecretsKey, MasterSecret } from "@constellation/keys";
import { componentPrograms } from "@constellation/testkit/kube-apiserver";
import { freePorts, Program } from "@constellation/testkit/program";
import { parse } from "yaml";
import { exec } from "../exec/exec.ts";
import { PATHS } from "../options.ts";
import { issueKubeletIdentity, type KubeletIdentity } from "../pki/kubelet-pki.ts";
import { type ClusterAdmin, createClusterAdmin } from "./cluster-admin.ts";
import { masterSecretObject, nodePermissions } from "./cluster-objects.ts";
import { writeEncryptionConfig, writePolicies } from "./control-plane-files.ts";
import { initDocuments } from "./kubeadm-config.ts";
import { kubeletConfiguration } from "./kubelet-config.ts";
import { writeStaticPodPatches } from "./static-pod-patches.ts";

const signal = new AbortController().signal;
// Documentation's own network (RFC 5737): the API server does not advertise a loopback address.
const ADDRESS = "192.0.2.10";
const SECRET = new Uint8Array(32).fill(0x5e);
const TIMEOUT_MS = 120_000;

describe("the control plane that kubeadm makes of our documents, with real etcd and kube-apiserver", () => {
  let root: string;
  let programs: Program[] = [];
  let port: number;
  let etcdPort: number;
  let cluster: ClusterAdmin;
  let kubelet: KubeletIdentity;
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
    programs.push(
      new Program("kube-apiserver", apiServer, [...apiArgs, "--bind-address=127.0.0.1"], join(root, "api.log")),
    );
    await programs[1]?.ready(async () => assert.equal((await get("/readyz")).status, 200), TIMEOUT_MS);
    cluster = createClusterAdmin({ root, host: "127.0.0.1", port, now: () => new Date() });
  });
  after(async () => {
    for (const program of programs.toReversed()) await program.stop();
    await rm(root, { recursive: true, force: true });
  });

  /** The files of a node, below a directory of the test's own. */
  async function writeFiles(): Promise<string> {
    const timingProfile = "patient";
    const serviceCidr = "10.96.0.0/12";
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
    await writePolicies(root);
    await writeEncryptionConfig(root, new EtcdSecretsKey(new Uint8Array(32).fill(1)));
    kubelet = await issueKubeletIdentity(root + PATHS.pki, { name: "control-plane-0", address: ADDRESS }, new Date());
    return config;
  }

  function inRoot(text: string): string {
    const paths = ["/etc/kubernetes", "/var/lib/etcd", "/var/log/kubernetes"];
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

  async function get(path: string, identity?: KubeletIdentity): Promise<{ status: number; body: string }> {
    const ca = await readFile(`${root}${PATHS.pki}/ca.crt`);
    const credentials = identity === undefined ? {} : { cert: identity.certificatePem, key: identity.privateKeyPem };
    return await new Promise((resolve, reject) => {
      const outgoing = request({ host: "127.0.0.1", port, path, ca, agent: false, ...credentials }, (incoming) => {
        let body = "";
        incoming.setEncoding("utf8").on("data", (text: string) => (body += text));
        incoming.once("end", () => resolve({ status: incoming.statusCode ?? 0, body }));
      });
      outgoing.once("error", reject).end();
    });
  }

  test("lets nobody ask for more than its health without credentials", async () => {
    assert.equal((await get("/livez")).status, 200);
    for (const path of ["/version", "/api", "/apis", "/openapi/v2", "/metrics", "/api/v1/namespaces"]) {
      assert.equal((await get(path)).status, 401, path);
    }
  });

  test("takes our objects, and takes them again", async () => {
    const objects = [masterSecretObject(new MasterSecret(SECRET), new Uint8Array(32)), ...nodePermissions()];
    await cluster.apply(objects, signal);
    await cluster.apply(objects, signal);
  });

  test("keeps secrets encrypted in etcd", async () => {
    const pki = `${root}${PATHS.pki}`;
    const { stdout } = await exec(
      {
        program: etcdctl,
        args: [
          `--endpoints=https://127.0.0.1:${etcdPort}`,
          `--cacert=${pki}/etcd/ca.crt`,
          `--cert=${pki}/apiserver-etcd-client.crt`,
          `--key=${pki}/apiserver-etcd-client.key`,
          "get",
          "--print-value-only",
          "/registry/secrets/kube-system/constellation-master-secret",
        ],
      },
      signal,
    );
    assert.match(stdout, /^k8s:enc:secretbox:v1:key1:/);
    assert.ok(!stdout.includes(Buffer.from(SECRET).toString("latin1")));
  });

  test("writes down who touched a secret, but not what is in it", async () => {
    const log = await readFile(`${root}${PATHS.auditLogs}/audit.log`, "utf8");
    assert.match(log, /"name":"constellation-master-secret"/);
    assert.match(log, /"username":"constellation:node-agent"/);
    assert.ok(!log.includes(Buffer.from(SECRET).toString("base64")));
  });

  test("knows the kubelet by the certificate that the agent issued, as that node alone", async () => {
    // Not found and not forbidden: the node may ask for itself.
    assert.equal((await get("/api/v1/nodes/control-plane-0", kubelet)).status, 404);
    assert.equal((await get("/api/v1/nodes/worker-0", kubelet)).status, 403);
    assert.equal((await get("/api/v1/namespaces/kube-system/secrets", kubelet)).status, 403);
  });
});
