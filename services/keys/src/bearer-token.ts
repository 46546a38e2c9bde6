import { KeyServiceError } from "./errors.ts";

/** A service account token as it came, not verified. */
export interface BearerToken {
  readonly token: string;
  /** When it ends by its own words, in milliseconds since 1970: true once the API server has accepted the token. */
  readonly expiresMs: number;
}

const MAX_TOKEN_CHARS = 8_192;
/** JWS Compact Serialization (RFC 7515, section 3.1). */
const BEARER = /^Bearer ([A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+)$/;

/**
 * Reads the metadata `authorization: Bearer <token>` of a call. No message quotes it.
 * @throws KeyServiceError `token_missing`, `token_malformed`
 */
export function parseBearerToken(header: string | null): BearerToken {
  if (header === null) {
    throw new KeyServiceError("token_missing", 'Authenticate pod failed: got no token, wanted "authorization: Bearer"');
  }
  const [, token, payload] = (header.length <= MAX_TOKEN_CHARS && BEARER.exec(header)) || [];
  const expiresMs = payload === undefined ? undefined : expiryOf(payload);
  if (token === undefined || expiresMs === undefined) {
    const wanted = "a service account token with an end";
    throw new KeyServiceError("token_malformed", `Authenticate pod failed: got other text, wanted ${wanted}`);
  }
  return { token, expiresMs };
}

/** Claim "exp" (RFC 7519, section 4.1.4). */
function expiryOf(payload: string): number | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    const { exp } = (claims ?? {}) as { exp?: unknown };
    return typeof exp === "number" && Number.isFinite(exp) ? exp * 1_000 : undefined;
  } catch {
    return undefined;
  }
}
