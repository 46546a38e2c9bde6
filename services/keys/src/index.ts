export { AUTHORIZED_NAMESPACES, authorizeKeyRequest, type KeyRequest } from "./authorization.ts";
export { KeyServiceError, type KeyServiceErrorCode } from "./errors.ts";
export { TOKEN_AUDIENCE } from "./pod-caller.ts";
export {
  type KeyServiceOptions,
  type KeyServiceParts,
  RELEASES,
  type RunningKeyService,
  startKeyService,
} from "./server.ts";
