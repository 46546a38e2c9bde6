import {
  constants,
  createCipheriv,
  createDecipheriv,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from "node:crypto";
import { jsonResponse, type SeenRequest, standIn } from "./http-request.ts";

/** What a client of the stand-in is known by. */
export const AZURE_TENANT = "11111111-2222-4333-8444-555555555555";
export const AZURE_CLIENT = "66666666-7777-4888-8999-aaaaaaaaaaaa";
export const AZURE_SECRET = "correct-client-secret";

interface VaultKey {
  readonly version: string;
  readonly kty: "RSA" | "oct-HSM";
  readonly keys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly aes: Uint8Array;
  enabled: boolean;
}

const WRAP_IV = Buffer.alloc(8, 0xa6);
const OAEP = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
const PAGE_SIZE = 2;

/**
 * Login service, Key Vault, Managed HSM and Blob Storage of Azure, after their REST references: what our client uses of
 * them, with their statuses and error codes. Not the real thing: LIMITATIONS.md.
 */
export class AzureStandIn {
  readonly keys = new Map<string, VaultKey>();
  readonly blobs = new Map<string, Uint8Array>();
  readonly #tokens = new Map<string, string>();

  readonly fetch = standIn((request) => {
    const { host } = request.url;
    if (host === "login.microsoftonline.com") return this.#login(request);
    if (host === "169.254.169.254") return this.#metadata(request);
    if (host.endsWith(".blob.core.windows.net")) return this.#blob(request);
    return this.#vault(
      request,
      host.includes("managedhsm") ? "https://managedhsm.azure.net" : "https://vault.azure.net",
    );
  });

  #login(request: SeenRequest): Response {
    const form = request.form();
    const isKnown = form.get("client_id") === AZURE_CLIENT && form.get("client_secret") === AZURE_SECRET;
    const isPath = request.url.pathname === `/${AZURE_TENANT}/oauth2/v2.0/token`;
    const [, resource] = /^(https:\/\/[a-z.]+)\/\.default$/.exec(form.get("scope") ?? "") ?? [];
    if (!isKnown || !isPath || form.get("grant_type") !== "client_credentials" || resource === undefined) {
      return jsonResponse({ error: "invalid_client", error_description: "AADSTS7000215: Invalid client secret" }, 401);
    }
    return jsonResponse({ token_type: "Bearer", expires_in: 3_599, access_token: this.#issue(resource) });
  }

  #metadata(request: SeenRequest): Response {
    const resource = request.url.searchParams.get("resource");
    if (request.headers.get("metadata") !== "true" || resource === null)
      return jsonResponse({ error: "invalid_request" }, 400);
    return jsonResponse({ access_token: this.#issue(resource), expires_in: "86399", resource, token_type: "Bearer" });
  }

  #issue(resource: string): string {
    const token = randomBytes(16).toString("hex");
    this.#tokens.set(token, resource);
    return token;
  }

  #isAuthorized({ headers }: SeenRequest, resource: string): boolean {
    const token = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "")?.[1] ?? "";
    return this.#tokens.get(token) === resource;
  }

  #vault(request: SeenRequest, resource: string): Response {
    if (!this.#isAuthorized(request, resource)) return keyVaultError(401, "Unauthorized");
    const { origin, pathname, searchParams } = request.url;
    if (searchParams.get("api-version") !== "7.4") return keyVaultError(400, "BadParameter");
    const [, name = "", second = "", action = ""] =
      /^\/keys\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?$/.exec(pathname) ?? [];
    if (second === "create") return this.#create(request, origin, name);
    const key = this.keys.get(name);
    if (key === undefined || (action !== "" && second !== key.version)) return keyVaultError(404, "KeyNotFound");
    const kid = `${origin}/keys/${name}/${key.version}`;
    if (action === "") return jsonResponse(bundleOf(key, kid));
    return crypt(key, kid, action, request.json());
  }

  #create(request: SeenRequest, origin: string, name: string): Response {
    const { kty } = request.json() as { kty: VaultKey["kty"] };
    const key: VaultKey = {
      version: randomBytes(16).toString("hex"),
      kty,
      keys: generateKeyPairSync("rsa", { modulusLength: 2048 }),
      aes: randomBytes(32),
      enabled: true,
    };
    this.keys.set(name, key);
    return jsonResponse(bundleOf(key, `${origin}/keys/${name}/${key.version}`));
  }

  #blob(request: SeenRequest): Response {
    if (!this.#isAuthorized(request, "https://storage.azure.com"))
      return blobError(403, "AuthorizationPermissionMismatch");
    if (request.headers.get("x-ms-version") === null) return blobError(400, "MissingRequiredHeader");
    const [, container, name = ""] = /^\/([^/]+)(?:\/(.*))?$/.exec(request.url.pathname) ?? [];
    if (container !== "keys") return blobError(404, "ContainerNotFound");
    switch (request.method) {
      case "GET":
        return name === "" ? this.#list(request.url.searchParams) : this.#get(name);
      case "PUT":
        return this.#put(request, name);
      case "DELETE":
        return this.blobs.delete(name) ? new Response(null, { status: 202 }) : blobError(404, "BlobNotFound");
      case "POST":
        return blobError(405, "UnsupportedHttpVerb");
    }
  }

  #get(name: string): Response {
    const blob = this.blobs.get(name);
    return blob === undefined ? blobError(404, "BlobNotFound") : new Response(Uint8Array.from(blob), { status: 200 });
  }

  #put({ headers, body }: SeenRequest, name: string): Response {
    if (headers.get("x-ms-blob-type") !== "BlockBlob") return blobError(400, "MissingRequiredHeader");
    if (headers.get("if-none-match") === "*" && this.blobs.has(name)) return blobError(409, "BlobAlreadyExists");
    this.blobs.set(name, Uint8Array.from(body));
    return new Response(null, { status: 201 });
  }

  #list(query: URLSearchParams): Response {
    const names = [...this.blobs.keys()].filter((name) => name.startsWith(query.get("prefix") ?? "")).sort();
    const start = Number(query.get("marker") ?? "0");
    const page = names.slice(start, start + PAGE_SIZE).map((name) => `<Blob><Name>${name}</Name></Blob>`);
    const next = start + PAGE_SIZE < names.length ? String(start + PAGE_SIZE) : "";
    const xml = `<?xml version="1.0"?><EnumerationResults ContainerName="keys"><Blobs>${page.join("")}</Blobs><NextMarker>${next}</NextMarker></EnumerationResults>`;
    return new Response(xml, { status: 200 });
  }
}

function bundleOf({ kty, enabled }: VaultKey, kid: string): object {
  return { key: { kid, kty, key_ops: ["wrapKey", "unwrapKey"] }, attributes: { enabled } };
}

function crypt(key: VaultKey, kid: string, action: string, { alg, value }: Record<string, unknown>): Response {
  const bytes = Buffer.from(String(value), "base64url");
  if (alg !== (key.kty === "RSA" ? "RSA-OAEP-256" : "A256KW")) return keyVaultError(400, "BadParameter");
  // Wrapping under a disabled RSA key is let through.
  if (!key.enabled && (action === "unwrapkey" || key.kty !== "RSA"))
    return keyVaultError(403, "Forbidden", "KeyDisabled");
  try {
    const result = action === "wrapkey" ? wrap(key, bytes) : unwrap(key, bytes);
    return jsonResponse({ kid, value: Buffer.from(result).toString("base64url") });
  } catch {
    return keyVaultError(400, "BadParameter");
  }
}

function wrap({ kty, keys, aes }: VaultKey, bytes: Uint8Array): Uint8Array {
  if (kty === "RSA") return publicEncrypt({ key: keys.publicKey, ...OAEP }, bytes);
  const cipher = createCipheriv("aes256-wrap", aes, WRAP_IV);
  return Buffer.concat([cipher.update(bytes), cipher.final()]);
}

function unwrap({ kty, keys, aes }: VaultKey, bytes: Uint8Array): Uint8Array {
  if (kty === "RSA") return privateDecrypt({ key: keys.privateKey, ...OAEP }, bytes);
  const decipher = createDecipheriv("aes256-wrap", aes, WRAP_IV);
  return Buffer.concat([decipher.update(bytes), decipher.final()]);
}

function keyVaultError(status: number, code: string, inner?: string): Response {
  const innererror = inner === undefined ? {} : { innererror: { code: inner } };
  return jsonResponse({ error: { code, message: "refused", ...innererror } }, status);
}

function blobError(status: number, code: string): Response {
  return new Response(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>refused</Message></Error>`, { status });
}
