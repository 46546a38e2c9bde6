/**
 * Runs inside a virtual machine in the node agent's place: the same image, kubelet, kubeadm and programs, but a plain
 * ext4 disk, no TPM and no attestation; the cluster's CA lies on every disk. It is what a cluster costs without all
 * that, and what ours is measured against.
 */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { uptime } from "node:os";
import { EtcdSecretsKey } from "@constellation/keys";
import { mountState } from "@constellation/node/src/disk/mounts.ts";
import { exec } from "@constellation/exec";
import { connectContainerd } from "@constellation/node/src/images/containerd-client.ts";
import { registerSystemImages } from "@constellation/node/src/images/register.ts";
import { EtcdKeyring } from "@constellation/node/src/kms/etcd-keyring.ts";
import { serveKmsPlugin } from "@constellation/node/src/kms/plugin.ts";
import { createClusterAdmin } from "@constellation/node/src/kubernetes/cluster-admin.ts";
import { writePolicies } from "@constellation/node/src/kubernetes/control-plane-files.ts";
import { initDocuments } from "@constellation/node/src/kubernetes/kubeadm-config.ts";
import { createKubeadm } from "@constellation/node/src/kubernetes/kubeadm.ts";
import {
  kubeletConfigurationOf,
  writeKubeletConfig,
  writeKubeletCredentials,
} from "@constellation/node/src/kubernetes/kubelet-files.ts";
import { readManifests } from "@constellation/node/src/kubernetes/manifests.ts";
import { writeStaticPodPatches } from "@constellation/node/src/kubernetes/static-pod-patches.ts";
import { openConsole } from "@constellation/node/src/log/console.ts";
import { createLog } from "@constellation/node/src/log/log.ts";
import { DEFAULT_OPTIONS, PATHS } from "@constellation/node/src/options.ts";
import { issueKubeletIdentity } from "@constellation/node/src/pki/kubelet-pki.ts";
import { findOwnAddress } from "@constellation/node/src/platform/address.ts";
import { readMetadata } from "@constellation/node/src/platform/metadata.ts";
import { retry } from "@constellation/node/src/retry.ts";
import { ApiProxy } from "@constellation/node/src/run/api-proxy.ts";
import { createSystemd } from "@constellation/node/src/systemd/units.ts";
import { PLAIN, type PlainSettings } from "./plain.ts";

const { ports, containerdSocket, imagesDirectory, stateMount, podSubnet } = DEFAULT_OPTIONS;
const signal = new AbortController().signal;
const say = openConsole(DEFAULT_OPTIONS.console, () => uptime() * 1000);
const now = new Date();

const { role, controlPlaneAddresses } = await readMetadata(DEFAULT_OPTIONS.fwCfgMetadata);
const address = await findOwnAddress(signal);
const name = role === "control-plane" ? "control-plane-0" : "worker-0";
const proxy = new ApiProxy({
  host: "127.0.0.1",
  port: ports.apiProxy,
  connectTimeoutMs: 3000,
  penaltyMs: 5000,
  nowMs: () => performance.now(),
});
await proxy.listen();
proxy.setEndpoints(controlPlaneAddresses.map((host) => ({ host, port: ports.apiServer })));

await mountState({ device: PLAIN.device, stateMount }, exec, signal);
await writeFile("/proc/sys/kernel/hostname", name);
const systemd = createSystemd(exec);
await systemd.start("containerd.service", signal);
const client = connectContainerd(containerdSocket, "k8s.io");
await retry("the images", () => registerSystemImages({ imagesDirectory, client }, signal), {
  signal,
  timeoutMs: 300_000,
});
say("plain: container runtime and images ready");

const settings = JSON.parse(await readFile(`${stateMount}/${PLAIN.settings}`, "utf8")) as PlainSettings;
const { serviceCidr, timingProfile } = settings;
const files = { root: "", name, role, address, serviceCidr, timingProfile, apiProxyPort: ports.apiProxy };
await writeKubeletConfig(files);
if (role === "control-plane") await startControlPlane();
else await startKubelet();
say("plain: done");
// The way to the API server goes through this process, as it goes through the agent.

async function startKubelet(): Promise<void> {
  const identity = await issueKubeletIdentity(PATHS.pki, { name, address }, now);
  await writeKubeletCredentials(files, identity, await readFile(`${PATHS.pki}/ca.crt`, "utf8"));
  await systemd.start("kubelet.service", signal);
}

async function startControlPlane(): Promise<void> {
  const config = `${PATHS.policies}/kubeadm-init.yaml`;
  const documents = initDocuments(
    {
      nodeName: name,
      nodeAddress: address,
      timingProfile,
      clusterName: "plain",
      kubernetesVersion: settings.kubernetesVersion,
      serviceCidr,
      podSubnet,
      certSans: settings.certSans,
      apiProxyPort: ports.apiProxy,
    },
    kubeletConfigurationOf(files),
  );
  await writePolicies("", timingProfile);
  await writeFile(config, documents);
  await writeStaticPodPatches("", timingProfile);
  const ring = new EtcdKeyring(() => uptime() * 1000);
  ring.replace([{ generation: 1, key: new EtcdSecretsKey(new Uint8Array(randomBytes(32))) }], "at-once");
  await serveKmsPlugin(
    ring,
    PATHS.kmsSocket,
    createLog((line) => process.stdout.write(line)),
  );
  const kubeadm = createKubeadm(exec, () => undefined);
  await kubeadm.createCertificates(config, signal);
  await startKubelet();
  await kubeadm.initControlPlane(config, signal);
  say("plain: control plane started");
  const cluster = createClusterAdmin({ root: "", host: "127.0.0.1", port: ports.apiServer, now: () => now });
  const manifests = await readManifests(`${stateMount}/${PLAIN.manifests}`, settings);
  const apply = (): Promise<void> => cluster.apply(manifests, signal);
  await retry("the manifests", apply, { signal, firstDelayMs: 1000, maxDelayMs: 10_000 });
}
