import { hex } from "@constellation/bytes";
import { NodeRole } from "@constellation/rpc";
import { writeFileAtomic } from "../disk/files.ts";
import { faultPoint } from "../fault.ts";
import { writePolicies } from "../kubernetes/control-plane-files.ts";
import { writeKubeletConfig, writeKubeletCredentials } from "../kubernetes/kubelet-files.ts";
import type { AdmissionLock } from "../machine/lock.ts";
import type { Dependencies, DiskOfNode, FreshDisk, Member, Platform } from "../machine/node.ts";
import { PATHS } from "../options.ts";
import { createCertificateRequest, createKeyPair, privateKeyPem } from "../pki/certificate.ts";
import { sealFirstSlot } from "../recovery/keep-sealed.ts";
import { writeRecord } from "../recovery/record-file.ts";
import { wipeCredentials } from "../recovery/record.ts";
import { writeStaticPodPatches } from "../kubernetes/static-pod-patches.ts";
import { writeServicePki } from "../pki/service-pki.ts";
import { type NodeState, writeNodeState } from "../state/node-state.ts";
import { AskedCluster } from "./asked-cluster.ts";
import { askJoinService, requireClusterOfPeer } from "./connection.ts";
import { type JoinTicket, parseJoinTicket } from "./ticket.ts";

interface FreshNode {
  platform: Platform;
  disk: DiskOfNode;
  fresh: FreshDisk;
}

/**
 * Gets a ticket and makes this fresh node a member, up to and including the commit. Gives `undefined` when init was
 * faster than the first question. Cut off before its end it leaves a node that resets itself and joins again.
 */
export async function joinCluster(
  node: FreshNode,
  dependencies: Dependencies,
  lock: AdmissionLock,
  signal: AbortSignal,
): Promise<Member | undefined> {
  const { platform } = node;
  const keys = createKeyPair();
  const certificateRequest = createCertificateRequest({ commonName: "node" }, keys);
  const { role } = platform.metadata;
  const request = {
    diskUuid: platform.diskUuid,
    role: role === "control-plane" ? NodeRole.CONTROL_PLANE : NodeRole.WORKER,
    certificateRequest,
    nodeAddresses: [platform.address],
  };
  const asked = new AskedCluster(lock);
  const ticket = await askJoinService(
    () => platform.metadata.controlPlaneAddresses,
    platform,
    dependencies,
    async ({ client, host, ...peer }, askSignal): Promise<JoinTicket | undefined> => {
      if (!asked.mayAsk(peer.claims.clusterRegister ?? "")) return undefined;
      try {
        const answer = await client.issueJoinTicket(request, { signal: askSignal });
        requireClusterOfPeer(answer.clusterId, peer);
        dependencies.console(`join: ticket from ${host}`);
        return parseJoinTicket(answer, role);
      } catch (error) {
        asked.failed(error);
        throw error;
      }
    },
    signal,
  );
  if (ticket === undefined) return undefined;
  return await admit(ticket, privateKeyPem(keys.privateKey), node, dependencies, signal);
}

async function admit(
  ticket: JoinTicket,
  keyPem: string,
  { platform, disk, fresh }: FreshNode,
  dependencies: Dependencies,
  signal: AbortSignal,
): Promise<Member> {
  const { options, console } = dependencies;
  faultPoint("join.after-ticket");
  console(`join: this is ${ticket.name} (${ticket.role})`);
  const { recovery } = ticket;
  const slot = recovery && (await sealFirstSlot(recovery, platform, signal));
  await disk.replaceKey(fresh.passphrase, ticket.diskKey, signal);
  ticket.diskKey.wipe();
  faultPoint("join.after-rekey");

  await platform.attester.markWithClusterId(ticket.clusterId, signal);
  faultPoint("join.after-pcr");

  const state = nodeState(ticket);
  await writeRecord(options.root, recovery, slot);
  if (recovery !== undefined) wipeCredentials(recovery.keyManagement);
  await writeNodeState(options.root + PATHS.nodeState, state);
  await dependencies.writeRegistryMirrors(state.registryMirrors);
  await writeNodeFiles(ticket, keyPem, platform, dependencies);
  faultPoint("join.after-files");

  if (ticket.role === "control-plane") await dependencies.etcdKeys.hold(ticket.etcdKeys);
  await dependencies.syncState(signal);
  await disk.stageRecovery(slot?.bytes);
  await disk.commit(ticket.diskKeyGeneration, signal);
  faultPoint("join.after-commit");
  return { state, diskGeneration: ticket.diskKeyGeneration, runtime: fresh.runtime };
}

async function writeNodeFiles(
  ticket: JoinTicket,
  keyPem: string,
  platform: Platform,
  { options, now }: Dependencies,
): Promise<void> {
  const { root, ports } = options;
  const input = { ...ticket, root, address: platform.address, apiProxyPort: ports.apiProxy };
  await writeFileAtomic(`${root}${PATHS.pki}/ca.crt`, ticket.clusterCaPem, 0o644);
  for (const { path, data, mode } of ticket.files) await writeFileAtomic(root + path, data, mode);
  if (ticket.role === "control-plane") {
    await writePolicies(root, ticket.timingProfile);
    await writeStaticPodPatches(root, ticket.timingProfile);
    await writeServicePki(root + PATHS.servicePki, ticket.serviceCidr, now());
  }
  const identity = { certificatePem: ticket.kubeletCertificatePem, privateKeyPem: keyPem };
  await writeKubeletCredentials(input, identity, ticket.clusterCaPem);
  await writeKubeletConfig(input);
}

function nodeState(ticket: JoinTicket): NodeState {
  return {
    version: 1,
    origin: "join",
    finished: false,
    name: ticket.name,
    role: ticket.role,
    clusterId: hex(ticket.clusterId),
    clusterName: "constellation",
    serviceCidr: ticket.serviceCidr,
    timingProfile: ticket.timingProfile,
    registryMirrors: ticket.registryMirrors,
    apiServerEndpoints: ticket.apiServerEndpoints,
  };
}
