export { AUTHORIZED_NAMESPACES, authorizeKeyRequest, type KeyRequest } from "./authorization.ts";
export { KeyServiceError, type KeyServiceErrorCode } from "./errors.ts";
export { type KeyServiceOptions, type RunningKeyService, startKeyService } from "./server.ts";
