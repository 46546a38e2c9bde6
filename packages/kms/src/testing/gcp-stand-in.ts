import {
  createCipheriv,
  createDecipheriv,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  verify,
} from "node:crypto";
import { base64 } from "@constellation/bytes";
import { crc32c } from "../gcp/crc32c.ts";
import { jsonResponse, type SeenRequest, standIn } from "./http-request.ts";

/** The key ring of the stand-in. */
export const GCP_RING = "projects/example-project/locations/europe-west3/keyRings/ring";
const EMAIL = "kms@example-project.iam.gserviceaccount.com";
const PAGE_SIZE = 2;
const KMS_SCOPE = "https://www.googleapis.com/auth/cloudkms";
const STORAGE_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write";

interface CryptoKey {
  readonly aes: Uint8Array;
  state: "ENABLED" | "DISABLED" | "DESTROYED";
}

/**
 * Token service, Cloud KMS and Cloud Storage of Google, after their REST references: what our client uses of them, with
 * their statuses and error codes. Not the real thing: LIMITATIONS.md.
 */
export class GcpStandIn {
  readonly keys = new Map<string, CryptoKey>();
  readonly objects = new Map<string, Uint8Array>();
  readonly #accountKeys: { readonly publicKey: KeyObject; readonly privateKey: KeyObject };
  readonly #tokens = new Map<string, string>();

  constructor() {
    this.#accountKeys = generateKeyPairSync("rsa", { modulusLength: 2048 });
  }

  readonly fetch = standIn((request) => {
    switch (request.url.host) {
      case "oauth2.googleapis.com":
        return this.#token(request);
      case "169.254.169.254":
        return this.#metadata(request);
      case "cloudkms.googleapis.com":
        return this.#kms(request);
      default:
        return this.#storage(request);
    }
  });

  /** The key file of its service account; or of one that it does not know. */
  keyFile(known = true): Uint8Array {
    const { privateKey } = known ? this.#accountKeys : generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = privateKey.export({ type: "pkcs8", format: "pem" });
    const json = { type: "service_account", client_email: EMAIL, private_key_id: "1", private_key: pem };
    return new TextEncoder().encode(JSON.stringify(json));
  }

  #token(request: SeenRequest): Response {
    const form = request.form();
    const [header = "", claims = "", signature = ""] = (form.get("assertion") ?? "").split(".");
    const { publicKey } = this.#accountKeys;
    const isSigned = verify(
      "sha256",
      Buffer.from(`${header}.${claims}`),
      publicKey,
      Buffer.from(signature, "base64url"),
    );
    const { iss, aud, scope, exp } = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<string, unknown>;
    const isGood =
      isSigned && iss === EMAIL && aud === "https://oauth2.googleapis.com/token" && Number(exp) * 1_000 > Date.now();
    if (!isGood || form.get("grant_type") !== "urn:ietf:params:oauth:grant-type:jwt-bearer") {
      return jsonResponse({ error: "invalid_grant", error_description: "Invalid JWT Signature." }, 400);
    }
    return jsonResponse({ access_token: this.#issue(String(scope)), expires_in: 3_599, token_type: "Bearer" });
  }

  #metadata({ headers }: SeenRequest): Response {
    if (headers.get("metadata-flavor") !== "Google") return new Response("Missing header", { status: 403 });
    return jsonResponse({ access_token: this.#issue(STORAGE_SCOPE), expires_in: 3_599, token_type: "Bearer" });
  }

  #issue(scope: string): string {
    const token = randomBytes(16).toString("hex");
    this.#tokens.set(token, scope);
    return token;
  }

  #isAuthorized({ headers }: SeenRequest, scope: string): boolean {
    const token = /^Bearer (.+)$/.exec(headers.get("authorization") ?? "")?.[1] ?? "";
    return this.#tokens.get(token) === scope;
  }

  #kms(request: SeenRequest): Response {
    if (!this.#isAuthorized(request, KMS_SCOPE)) return googleError(401, "UNAUTHENTICATED");
    const path = request.url.pathname.replace(/^\/v1\//, "");
    if (path === `${GCP_RING}/cryptoKeys`) return this.#create(request);
    const [, name = "", verb = ""] = /^(.*?)(?::(encrypt|decrypt))?$/.exec(path) ?? [];
    const key = this.keys.get(name);
    if (key === undefined) return googleError(404, "NOT_FOUND");
    if (verb === "") return jsonResponse(keyOf(name, key));
    if (key.state !== "ENABLED") return googleError(400, "FAILED_PRECONDITION");
    return verb === "encrypt" ? encrypt(name, key, request.json()) : decrypt(key, request.json());
  }

  #create(request: SeenRequest): Response {
    const name = `${GCP_RING}/cryptoKeys/${request.url.searchParams.get("cryptoKeyId")}`;
    if (this.keys.has(name)) return googleError(409, "ALREADY_EXISTS");
    const key: CryptoKey = { aes: randomBytes(32), state: "ENABLED" };
    this.keys.set(name, key);
    return jsonResponse(keyOf(name, key));
  }

  #storage(request: SeenRequest): Response {
    if (!this.#isAuthorized(request, STORAGE_SCOPE)) return googleError(401, "UNAUTHENTICATED");
    const { pathname, searchParams } = request.url;
    const [, upload, bucket, object] = /^(\/upload)?\/storage\/v1\/b\/([^/]+)\/o(?:\/([^/]+))?$/.exec(pathname) ?? [];
    const name = decodeURIComponent(object ?? searchParams.get("name") ?? "");
    if (bucket !== "keys")
      return missing(
        object === undefined ? "The specified bucket does not exist." : `No such object: ${bucket}/${name}`,
      );
    if (upload !== undefined) return this.#put(request, name);
    if (object === undefined) return this.#list(searchParams);
    const bytes = this.objects.get(name);
    if (bytes === undefined) return new Response(`No such object: ${bucket}/${name}`, { status: 404 });
    if (request.method === "DELETE") {
      this.objects.delete(name);
      return new Response(null, { status: 204 });
    }
    const headers = { "x-goog-hash": `crc32c=${hash(bytes)},md5=x` };
    return new Response(Uint8Array.from(bytes), { status: 200, headers });
  }

  #put({ url, headers, body }: SeenRequest, name: string): Response {
    if (url.searchParams.get("ifGenerationMatch") === "0" && this.objects.has(name)) {
      return jsonResponse(
        { error: { code: 412, message: "At least one of the pre-conditions you specified did not hold." } },
        412,
      );
    }
    if (headers.get("x-goog-hash") !== `crc32c=${hash(body)}`) return googleError(400, "INVALID_ARGUMENT");
    this.objects.set(name, Uint8Array.from(body));
    return jsonResponse({ kind: "storage#object", name, crc32c: hash(body) });
  }

  #list(query: URLSearchParams): Response {
    const names = [...this.objects.keys()].filter((name) => name.startsWith(query.get("prefix") ?? "")).sort();
    const start = Number(query.get("pageToken") ?? "0");
    const items = names.slice(start, start + PAGE_SIZE).map((name) => ({ name }));
    const next = start + PAGE_SIZE;
    return jsonResponse({
      ...(items.length > 0 ? { items } : {}),
      ...(next < names.length ? { nextPageToken: String(next) } : {}),
    });
  }
}

function keyOf(name: string, { state }: CryptoKey): object {
  return { name, purpose: "ENCRYPT_DECRYPT", primary: { name: `${name}/cryptoKeyVersions/1`, state } };
}

function encrypt(name: string, { aes }: CryptoKey, json: Record<string, unknown>): Response {
  const [plaintext, context] = [decoded(json["plaintext"]), decoded(json["additionalAuthenticatedData"])];
  if (!isSum(json["plaintextCrc32c"], plaintext) || !isSum(json["additionalAuthenticatedDataCrc32c"], context)) {
    return googleError(400, "INVALID_ARGUMENT");
  }
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", aes, nonce).setAAD(context);
  const ciphertext = Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  return jsonResponse({
    name: `${name}/cryptoKeyVersions/1`,
    ciphertext: base64(ciphertext),
    ciphertextCrc32c: String(crc32c(ciphertext)),
    verifiedPlaintextCrc32c: true,
    verifiedAdditionalAuthenticatedDataCrc32c: true,
    protectionLevel: "SOFTWARE",
  });
}

function decrypt({ aes }: CryptoKey, json: Record<string, unknown>): Response {
  const [ciphertext, context] = [decoded(json["ciphertext"]), decoded(json["additionalAuthenticatedData"])];
  try {
    if (!isSum(json["ciphertextCrc32c"], ciphertext)) throw new Error("checksum");
    const decipher = createDecipheriv("aes-256-gcm", aes, ciphertext.subarray(0, 12)).setAAD(context);
    decipher.setAuthTag(ciphertext.subarray(-16));
    const plaintext = Buffer.concat([decipher.update(ciphertext.subarray(12, -16)), decipher.final()]);
    return jsonResponse({
      plaintext: base64(plaintext),
      plaintextCrc32c: String(crc32c(plaintext)),
      usedPrimary: true,
    });
  } catch {
    return googleError(400, "INVALID_ARGUMENT");
  }
}

function decoded(value: unknown): Buffer {
  return Buffer.from(String(value), "base64");
}

function isSum(value: unknown, bytes: Uint8Array): boolean {
  return value === String(crc32c(bytes));
}

function hash(bytes: Uint8Array): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32c(bytes));
  return sum.toString("base64");
}

function missing(message: string): Response {
  return jsonResponse({ error: { code: 404, message, errors: [{ reason: "notFound", message }] } }, 404);
}

function googleError(code: number, status: string): Response {
  return jsonResponse({ error: { code, status, message: "refused" } }, code);
}
