import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { base64 } from "@constellation/bytes";
import { jsonResponse, type SeenRequest, standIn } from "./http-request.ts";

/** What clients log in with. */
export const VAULT_TOKEN = "hvs.correct";
export const VAULT_ROLE_ID = "role-1";
export const VAULT_SECRET_ID = "secret-1";

/**
 * The transit engine, the AppRole and the Kubernetes login of Vault, after its API reference: what our client uses of
 * them, with their statuses and sentences. Not the real thing: LIMITATIONS.md.
 */
export class VaultStandIn {
  readonly keys = new Map<string, Uint8Array>();
  /** Paths of the requests that it saw. */
  readonly paths: string[] = [];
  /** Of the tokens that logins give. */
  leaseSeconds = 3_600;
  /** How many logins there may be yet, as for a secret ID with `secret_id_num_uses`. */
  loginsLeft = Number.POSITIVE_INFINITY;
  readonly #tokens = new Set([VAULT_TOKEN]);

  readonly fetch = standIn((request) => {
    const { pathname } = request.url;
    this.paths.push(pathname);
    if (pathname === "/v1/auth/approle/login" || pathname === "/v1/auth/kubernetes/login") return this.#login(request);
    if (!this.#tokens.has(request.headers.get("x-vault-token") ?? "")) return denied();
    const [, path = "", name = ""] = /^\/v1\/transit\/(keys|encrypt|decrypt)\/([\w.-]+)$/.exec(pathname) ?? [];
    if (path === "keys") return this.#key(request, name);
    const key = this.keys.get(name);
    // Encrypting under a missing key is creating it, for which a policy has no right.
    if (key === undefined) return path === "encrypt" ? denied() : vaultError(400, "encryption key not found");
    return path === "encrypt" ? encrypt(key, request.json()) : decrypt(key, request.json());
  });

  #login(request: SeenRequest): Response {
    const { role_id, secret_id, role, jwt } = request.json();
    this.loginsLeft -= 1;
    if (role_id !== undefined && (role_id !== VAULT_ROLE_ID || secret_id !== VAULT_SECRET_ID || this.loginsLeft < 0)) {
      return vaultError(400, "invalid role or secret ID");
    }
    if (role_id === undefined && (role !== "kms" || jwt !== "eyJ")) return denied();
    const client_token = `hvs.${randomBytes(8).toString("hex")}`;
    this.#tokens.add(client_token);
    return jsonResponse({ auth: { client_token, lease_duration: this.leaseSeconds, renewable: true } });
  }

  #key(request: SeenRequest, name: string): Response {
    if (request.method === "POST") {
      if (!this.keys.has(name)) this.keys.set(name, randomBytes(32));
      return new Response(null, { status: 204 });
    }
    if (!this.keys.has(name)) return jsonResponse({ errors: [] }, 404);
    return jsonResponse({ data: { name, type: "aes256-gcm96", derived: false, latest_version: 1 } });
  }
}

function encrypt(key: Uint8Array, json: Record<string, unknown>): Response {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(decoded(json["associated_data"]));
  const parts = [nonce, cipher.update(decoded(json["plaintext"])), cipher.final(), cipher.getAuthTag()];
  return jsonResponse({ data: { ciphertext: `vault:v1:${base64(Buffer.concat(parts))}`, key_version: 1 } });
}

function decrypt(key: Uint8Array, json: Record<string, unknown>): Response {
  const [, version, text = ""] = /^vault:v(\d+):(.*)$/.exec(String(json["ciphertext"])) ?? [];
  if (version !== "1") return vaultError(400, "invalid ciphertext: version is too new");
  const bytes = decoded(text);
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, 12));
    decipher.setAAD(decoded(json["associated_data"])).setAuthTag(bytes.subarray(-16));
    const plaintext = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
    return jsonResponse({ data: { plaintext: base64(plaintext) } });
  } catch {
    return vaultError(400, "cipher: message authentication failed");
  }
}

function decoded(value: unknown): Buffer {
  return Buffer.from(String(value), "base64");
}

function denied(): Response {
  return vaultError(403, "permission denied");
}

function vaultError(status: number, message: string): Response {
  return jsonResponse({ errors: [message] }, status);
}
