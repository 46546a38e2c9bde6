export { createAtlsClient, type ServeAtlsOptions, serveAtls } from "./atls.ts";
export type { RpcClient, RpcClientOptions } from "./client.ts";
export { callerOf, peerOf, remoteAddressOf } from "./connection-facts.ts";
export type { EndpointOptions } from "./endpoint.ts";
export {
  CODE_METADATA,
  fromConnectError,
  RpcError,
  type RpcErrorCode,
  type StatusTable,
  toConnectError,
} from "./errors.ts";
export { DEFAULT_LIMITS, type RpcLimits } from "./limits.ts";
export {
  createMtlsClient,
  type MtlsClientOptions,
  type MtlsIdentity,
  type ServeMtlsOptions,
  serveMtls,
} from "./mtls.ts";
export type { RpcServer } from "./server.ts";
export { serviceNameOf, serviceUri } from "./service-identity.ts";
export { createTcpClient, type ServeTcpOptions, serveTcp } from "./tcp.ts";
export { createTlsClient, type ServeTlsOptions, serveTls, type TlsClientOptions } from "./tls.ts";
export { createUnixClient, type ServeUnixOptions, serveUnix } from "./unix.ts";
export {
  AgentService,
  type IssueEvidenceRequest,
  IssueEvidenceRequestSchema,
  type IssueEvidenceResponse,
  IssueEvidenceResponseSchema,
} from "./gen/constellation/agent/v1/agent_pb.ts";
export {
  type InitFailure,
  InitFailureSchema,
  type InitRequest,
  InitRequestSchema,
  type InitResponse,
  InitResponseSchema,
  InitService,
  type InitSuccess,
  InitSuccessSchema,
  type LogChunk,
  LogChunkSchema,
  type NodeRecord,
  NodeRecordSchema,
  NodeRole,
  NodeRoleSchema,
  type Progress,
  ProgressSchema,
  type RegistryMirror,
  RegistryMirrorSchema,
} from "./gen/constellation/init/v1/init_pb.ts";
export {
  type EtcdSecretsKey,
  EtcdSecretsKeySchema,
  type File,
  FileSchema,
  type IssueJoinTicketRequest,
  IssueJoinTicketRequestSchema,
  type IssueJoinTicketResponse,
  IssueJoinTicketResponseSchema,
  type IssueRejoinTicketRequest,
  IssueRejoinTicketRequestSchema,
  type IssueRejoinTicketResponse,
  IssueRejoinTicketResponseSchema,
  JoinService,
} from "./gen/constellation/join/v1/join_pb.ts";
export {
  type GetDataKeyRequest,
  GetDataKeyRequestSchema,
  type GetDataKeyResponse,
  GetDataKeyResponseSchema,
  KeyService,
} from "./gen/constellation/keys/v1/keys_pb.ts";
export {
  type CredentialFile,
  CredentialFileSchema,
  type KeyManagement,
  KeyManagementSchema,
  type SelfRecovery,
  SelfRecoverySchema,
  type WrappedRoot,
  WrappedRootSchema,
} from "./gen/constellation/kms/v1/kms_pb.ts";
export {
  type KeyGeneration,
  KeyGenerationSchema,
  type RecoverRequest,
  RecoverRequestSchema,
  type RecoverResponse,
  RecoverResponseSchema,
  RecoverService,
} from "./gen/constellation/recover/v1/recover_pb.ts";
export {
  type GetEvidenceRequest,
  GetEvidenceRequestSchema,
  type GetEvidenceResponse,
  GetEvidenceResponseSchema,
  VerifyService,
} from "./gen/constellation/verify/v1/verify_pb.ts";
