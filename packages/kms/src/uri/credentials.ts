import type { AwsCredentialOptions } from "../aws/credentials.ts";
import type { EntraCredentialOptions } from "../azure/entra-token.ts";
import type { GoogleCredentialOptions } from "../gcp/google-token.ts";
import type { VaultCredentialOptions } from "../vault/vault-token.ts";
import type { UriFields } from "./fields.ts";

const NAME = /^[\w+=,.@-]{1,128}$/;
const UUID = /^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/;
const MOUNT = /^[A-Za-z0-9_-]+(?:\/[A-Za-z0-9_-]+)*$/;

/** `accessKeyID` and `accessKey`, or `credentialsFile` and `profile`, or those of the instance. */
export function awsCredentialFields(fields: UriFields): AwsCredentialOptions {
  if (fields.has("accessKeyID")) {
    const accessKeyId = fields.text("accessKeyID", /^\w{16,128}$/, "an access key ID");
    return { from: "given", credentials: { accessKeyId, secretAccessKey: fields.secret("accessKey") } };
  }
  if (!fields.has("credentialsFile")) return { from: "instance" };
  const path = fields.path("credentialsFile");
  return { from: "file", path, profile: fields.optional("profile", NAME, "the name of a profile") ?? "default" };
}

/** `tenantID`, `clientID` and `clientSecret` or `clientSecretFile`; or the machine's identity, `clientID` if one of several. */
export function entraCredentialFields(fields: UriFields): EntraCredentialOptions {
  const clientId = fields.optional("clientID", UUID, "a UUID");
  if (!fields.has("tenantID")) return { from: "instance", clientId };
  const tenantId = fields.text("tenantID", UUID, "a UUID");
  if (clientId === undefined) throw fields.invalid("clientID", "nothing", "a UUID beside tenantID");
  if (!fields.has("clientSecretFile")) {
    return { from: "secret", tenantId, clientId, clientSecret: fields.secret("clientSecret") };
  }
  return { from: "secret-file", tenantId, clientId, path: fields.path("clientSecretFile") };
}

/** `credentialsPath`, or the machine's service account. */
export function googleCredentialFields(fields: UriFields): GoogleCredentialOptions {
  return fields.has("credentialsPath") ? { from: "file", path: fields.path("credentialsPath") } : { from: "instance" };
}

/** `auth`: `token` with `tokenFile`, `approle` with `roleID` and `secretIDFile`, `kubernetes` with `role` and `jwtFile`. */
export function vaultCredentialFields(fields: UriFields): VaultCredentialOptions {
  const auth = fields.oneOf("auth", ["token", "approle", "kubernetes"]);
  if (auth === "token") return { from: "token-file", path: fields.path("tokenFile") };
  const mount = fields.optional("authMount", MOUNT, "the path of an auth method") ?? auth;
  if (auth === "approle") {
    const roleId = fields.text("roleID", /^[\x21-\x7e]{1,128}$/, "a role ID");
    return { from: "approle", mount, roleId, secretIdPath: fields.path("secretIDFile") };
  }
  return { from: "kubernetes", mount, role: fields.text("role", NAME, "a role"), jwtPath: fields.path("jwtFile") };
}
