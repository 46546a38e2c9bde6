import type { MessageInitShape } from "@bufbuild/protobuf";
import { fromHex, utf8 } from "@constellation/bytes";
import type { EtcdKey } from "@constellation/keys";
import {
  type EtcdSecretsKeySchema,
  type IssueJoinTicketRequest,
  type IssueJoinTicketResponseSchema,
  type IssueRejoinTicketResponseSchema,
  NodeRole,
  type SelfRecoverySchema,
} from "@constellation/rpc";
import type { RequestedRole } from "./errors.ts";
import type { SelfRecovery } from "./self-recovery.ts";
import type { JoinTicket, JoinTicketRequest, RejoinTicket } from "./tickets.ts";

/** The request in our own terms. */
export function fromJoinRequest(message: IssueJoinTicketRequest): JoinTicketRequest {
  const { diskUuid, nodeAddresses, certificateRequest } = message;
  return { role: roleOf(message.role), diskUuid, nodeAddresses, certificateRequest };
}

/** The ticket as it goes over the wire: the one place where its secrets are revealed. */
export function toJoinResponse(ticket: JoinTicket): MessageInitShape<typeof IssueJoinTicketResponseSchema> {
  const { record, settings } = ticket;
  return {
    nodeName: record.name,
    role: record.role === "worker" ? NodeRole.WORKER : NodeRole.CONTROL_PLANE,
    stateDiskKey: ticket.diskKey.key.reveal(),
    stateDiskKeyGeneration: ticket.diskKey.generation,
    clusterId: fromHex(settings.clusterId),
    kubeletCertificate: utf8(ticket.kubeletCertificatePem),
    clusterCaCertificate: utf8(ticket.clusterCaPem),
    apiServerEndpoints: [...ticket.apiServerEndpoints],
    controlPlaneFiles: [...ticket.controlPlaneFiles],
    registryMirrors: settings.registryMirrors.map(({ registry, endpoints }) => ({
      registry,
      endpoints: [...endpoints],
    })),
    serviceCidr: settings.serviceCidr,
    timingProfile: settings.timingProfile,
    ...(ticket.selfRecovery === undefined ? {} : { selfRecovery: toSelfRecovery(ticket.selfRecovery) }),
    etcdSecretsKeys: toEtcdSecretsKeys(ticket.etcdKeys),
  };
}

function toSelfRecovery(recovery: SelfRecovery): MessageInitShape<typeof SelfRecoverySchema> {
  const { kmsUri, storageUri, clusterId, measurementSalt } = recovery;
  const credentials = [...recovery.credentials].map(([name, secret]) => ({ name, data: secret.reveal() }));
  const roots = recovery.roots.map((root) => ({ ...root }));
  return { keyManagement: { kmsUri, storageUri, credentials }, clusterId, measurementSalt, roots };
}

/** The ticket as it goes over the wire. */
export function toRejoinResponse(ticket: RejoinTicket): MessageInitShape<typeof IssueRejoinTicketResponseSchema> {
  const { diskKey, nextDiskKey, clusterId, etcdKeys } = ticket;
  return {
    stateDiskKey: diskKey.key.reveal(),
    clusterId: fromHex(clusterId),
    etcdSecretsKeys: toEtcdSecretsKeys(etcdKeys),
    ...(nextDiskKey && { nextStateDiskKey: nextDiskKey.key.reveal(), nextGeneration: nextDiskKey.generation }),
  };
}

function toEtcdSecretsKeys(keys: readonly EtcdKey[]): MessageInitShape<typeof EtcdSecretsKeySchema>[] {
  return keys.map(({ generation, key }) => ({ generation, key: key.reveal() }));
}

function roleOf(role: NodeRole): RequestedRole {
  switch (role) {
    case NodeRole.CONTROL_PLANE:
      return "control-plane";
    case NodeRole.WORKER:
      return "worker";
    default:
      return "unspecified";
  }
}
