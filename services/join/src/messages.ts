import type { MessageInitShape } from "@bufbuild/protobuf";
import { fromHex, utf8 } from "@constellation/bytes";
import {
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
    stateDiskKey: ticket.diskKey.reveal(),
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
  };
}

function toSelfRecovery(recovery: SelfRecovery): MessageInitShape<typeof SelfRecoverySchema> {
  const { kmsUri, storageUri, clusterId, measurementSalt, salt, envelope } = recovery;
  const credentials = [...recovery.credentials].map(([name, secret]) => ({ name, data: secret.reveal() }));
  const roots = [{ generation: 1, salt, envelope }];
  return { keyManagement: { kmsUri, storageUri, credentials }, clusterId, measurementSalt, roots };
}

/** The ticket as it goes over the wire. */
export function toRejoinResponse(ticket: RejoinTicket): MessageInitShape<typeof IssueRejoinTicketResponseSchema> {
  return { stateDiskKey: ticket.diskKey.reveal(), clusterId: fromHex(ticket.clusterId) };
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
