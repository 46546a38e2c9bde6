export {
  createKeyServiceClient,
  type DataKeyRequest,
  type GenerationedKey,
  type KeyServiceClient,
  type KeyServiceClientOptions,
} from "./client.ts";
export { KeyClientError, type KeyClientErrorCode } from "./errors.ts";
