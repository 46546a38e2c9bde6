import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hex } from "@constellation/bytes";
import { deriveEtcdSecretsKey, deriveStateDiskKey } from "@constellation/keys";
import { writeFileAtomic } from "../disk/files.ts";
import { describeError } from "../errors.ts";
import { faultPoint } from "../fault.ts";
import type { KubeObject } from "../kubernetes/apply.ts";
import {
  clusterStateObject,
  nodePermissions,
  rootKeyObjects,
  servicesCaObject,
} from "../kubernetes/cluster-objects.ts";
import { writePolicies } from "../kubernetes/control-plane-files.ts";
import { initDocuments } from "../kubernetes/kubeadm-config.ts";
import { kubeletConfigurationOf, writeKubeletConfig, writeKubeletCredentials } from "../kubernetes/kubelet-files.ts";
import { writeStaticPodPatches } from "../kubernetes/static-pod-patches.ts";
import type { Dependencies, DiskOfNode, FreshDisk, Member, Platform } from "../machine/node.ts";
import { PATHS } from "../options.ts";
import { issueKubeletIdentity } from "../pki/kubelet-pki.ts";
import { writeServicePki } from "../pki/service-pki.ts";
import { writeRecord } from "../recovery/record-file.ts";
import type { WrappedRoot } from "../recovery/wrap-root.ts";
import { retry } from "../retry.ts";
import { type NodeState, writeNodeState } from "../state/node-state.ts";
import type { InitInput } from "./request.ts";

/** Hears what is being done. */
export type Progress = (step: string, text: string) => void;

/** A cluster begins with one generation of the master secret. */
const FIRST_GENERATION = 1;
const APPLY_TIMEOUT_MS = 10 * 60_000;
const KUBEADM_CONFIG = `${PATHS.policies}/kubeadm-init.yaml`;

/**
 * Makes this fresh node the first node of a new cluster, up to and including the commit. Cut off before its end it
 * leaves a node that resets itself; after it, everything that is still to be done needs no secret from outside
 * (README.md, "Cut off at any step").
 * @param wrapped the master secret as the cluster's external KMS wrapped it, where it has one
 */
export async function initialise(
  input: InitInput,
  node: { platform: Platform; disk: DiskOfNode; fresh: FreshDisk },
  dependencies: Dependencies,
  { progress, wrapped }: { progress: Progress; wrapped: WrappedRoot | undefined },
  signal: AbortSignal,
): Promise<Member> {
  const { platform, disk, fresh } = node;
  faultPoint("init.after-lock");

  progress("disk", "Replacing the key of the state disk");
  await disk.replaceKey(fresh.passphrase, deriveStateDiskKey(input.master, input.salt, platform.diskUuid), signal);
  faultPoint("init.after-rekey");

  progress("identity", "Extending the cluster ID into PCR 15");
  await platform.attester.markWithClusterId(input.clusterId, signal);
  faultPoint("init.after-pcr");

  const state = nodeState(input, platform);
  await writeNodeState(dependencies.options.root + PATHS.nodeState, state);
  await writeRecord(dependencies.options.root, wrapped?.record, wrapped?.slot);
  await dependencies.writeRegistryMirrors(state.registryMirrors);
  faultPoint("init.after-state");

  progress("certificates", "Making the cluster's certificates");
  await writeClusterFiles(input, platform, dependencies, signal);
  faultPoint("init.after-certificates");

  await dependencies.etcdKeys.hold([
    { generation: FIRST_GENERATION, key: deriveEtcdSecretsKey(input.master, input.salt) },
  ]);
  await dependencies.services.openKms(dependencies.etcdKeys.ring);

  progress("images", "Waiting for the container runtime and the system images");
  await fresh.runtime;
  progress("control-plane", "Starting the control plane");
  dependencies.apiProxy.setEndpoints([{ host: "127.0.0.1", port: dependencies.options.ports.apiServer }]);
  await dependencies.systemd.start("kubelet.service", signal);
  await dependencies.kubeadm.initControlPlane(dependencies.options.root + KUBEADM_CONFIG, signal);
  faultPoint("init.after-control-plane");

  progress("secrets", "Writing the cluster's keys, policy and node records");
  const objects = [
    ...rootKeyObjects(input, wrapped?.record),
    clusterStateObject(input.cluster),
    servicesCaObject(await readFile(join(dependencies.options.root + PATHS.servicePki, "ca.crt"), "utf8")),
    ...nodePermissions(),
  ];
  await applyWithRetry(objects, dependencies, signal);
  input.master.wipe();
  faultPoint("init.after-secrets");

  progress("commit", "Marking the state disk as initialised");
  await dependencies.syncState(signal);
  await disk.stageRecovery(wrapped?.slot?.bytes);
  await disk.commit(FIRST_GENERATION, signal);
  faultPoint("init.after-commit");
  return { state, diskGeneration: FIRST_GENERATION, runtime: fresh.runtime };
}

/** The API server answers before its own roles are there, and refuses the first requests for it. */
async function applyWithRetry(
  objects: readonly KubeObject[],
  { cluster, log }: Dependencies,
  signal: AbortSignal,
): Promise<void> {
  await retry("the API server to take objects", () => cluster.apply(objects, signal), {
    signal,
    firstDelayMs: 500,
    maxDelayMs: 5000,
    timeoutMs: APPLY_TIMEOUT_MS,
    onFailure: (error) => log.info("API server not ready for objects", { error: describeError(error) }),
  });
}

function nodeState(input: InitInput, platform: Platform): NodeState {
  const { settings } = input.cluster;
  return {
    version: 1,
    origin: "init",
    finished: false,
    name: input.self.name,
    role: input.self.role,
    clusterId: hex(input.clusterId),
    clusterName: input.clusterName,
    serviceCidr: settings.serviceCidr,
    timingProfile: settings.timingProfile,
    registryMirrors: settings.registryMirrors.map(({ registry, endpoints }) => ({ registry, endpoints })),
    apiServerEndpoints: [`${platform.address}:6443`],
    clusterEndpoint: input.certSans[0] ?? platform.address,
  };
}

async function writeClusterFiles(
  input: InitInput,
  platform: Platform,
  dependencies: Dependencies,
  signal: AbortSignal,
): Promise<void> {
  const { options, kubeadm, now } = dependencies;
  const { root } = options;
  const { serviceCidr, timingProfile } = input.cluster.settings;
  const documents = initDocuments(
    {
      nodeName: input.self.name,
      nodeAddress: platform.address,
      timingProfile,
      clusterName: input.clusterName,
      kubernetesVersion: input.kubernetesVersion,
      serviceCidr,
      podSubnet: options.podSubnet,
      certSans: input.certSans,
      apiProxyPort: options.ports.apiProxy,
    },
    kubeletConfigurationOf({ serviceCidr, timingProfile }),
  );
  await writeFileAtomic(root + KUBEADM_CONFIG, documents, 0o600);
  await writePolicies(root, timingProfile);
  await writeStaticPodPatches(root, timingProfile);
  await kubeadm.createCertificates(root + KUBEADM_CONFIG, signal);
  await writeServicePki(root + PATHS.servicePki, serviceCidr, now());
  const node = { name: input.self.name, address: platform.address };
  const identity = await issueKubeletIdentity(root + PATHS.pki, node, now());
  const files = {
    root,
    ...node,
    role: input.self.role,
    serviceCidr,
    timingProfile,
    apiProxyPort: options.ports.apiProxy,
  };
  await writeKubeletCredentials(files, identity, await readFile(join(root + PATHS.pki, "ca.crt"), "utf8"));
  await writeKubeletConfig(files);
}
