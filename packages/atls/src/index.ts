export { type AtlsConnection, type ConnectAtlsOptions, connectAtls } from "./client.ts";
export { ATLS_ERROR_CODES, AtlsError, type AtlsErrorCode, type AtlsErrorOptions, codeOf } from "./errors.ts";
export { Handshake, type HandshakeEvent, type HandshakeOptions } from "./handshake.ts";
export type { Mode, Role } from "./messages.ts";
export { ANONYMOUS, type Appraiser, type Attester } from "./parties.ts";
export type { RemoteAddress } from "./remote-address.ts";
export { AtlsServer, type AtlsServerOptions, type ClientAppraiser } from "./server.ts";
export { type Channel, reportData, type Transcript } from "./transcript.ts";
