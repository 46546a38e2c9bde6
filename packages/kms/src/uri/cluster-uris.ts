import { KmsError, quoted } from "../error.ts";
import { splitUri, type UriFields } from "./fields.ts";

/** Where the files of a cluster's KMS stand in its URIs: files that the operator gave, and no others. */
export const CREDENTIALS_FOLDER = "/credentials/";
/** Bounds of those files: they are sent to nodes, sealed to their TPMs, and kept in a Kubernetes Secret. */
export const CREDENTIAL_LIMITS = { files: 8, totalBytes: 16 * 1024 } as const;

const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const KMS_KINDS = ["aws", "azure", "gcp", "kmip", "vault"];
const STORE_KINDS = ["aws", "azure", "gcp"];
const SECRET_FIELDS: ReadonlySet<string> = new Set(["accessKeyID", "accessKey", "clientSecret", "key", "salt"]);
const FILE_FIELD = /(?:File|Path)$/;
/** Fields that show that a service gets credentials of its own, and not those of the machine. */
const OWN_CREDENTIALS = ["credentialsFile", "credentialsPath", "tenantID"];

/** Whether a file of credentials may have this name. */
export function isCredentialName(name: string): boolean {
  return NAME.test(name) && !name.includes("..");
}

/**
 * Checks the URIs of a cluster's external KMS, beyond what `openKms` and `openStore` check when they are opened there.
 * They are given to nodes by whoever initialises them, and come back from disks that others can write to. So they hold
 * no secrets, name no files of the machine, and send the machine's own identity to no place of their choice.
 * @param credentials names of the files that go with them; each must be used
 * @throws KmsError `uri_invalid`
 */
export function validateClusterUris(
  uris: { readonly kms: string; readonly storage: string },
  credentials: readonly string[],
): void {
  const unused = new Set(credentials);
  for (const name of credentials) {
    if (!isCredentialName(name)) throw invalid(`credentials: got the name ${quoted(name)}`, "letters, digits, . _ -");
  }
  for (const name of validateUri(uris.kms, "kms", KMS_KINDS, credentials)) unused.delete(name);
  if (uris.storage !== "") {
    for (const name of validateUri(uris.storage, "storage", STORE_KINDS, credentials)) unused.delete(name);
  }
  const [first] = unused;
  if (first !== undefined) {
    throw invalid(`credentials: got ${quoted(first)}, which no URI names`, `${CREDENTIALS_FOLDER}${first} in a URI`);
  }
}

/** Gives the names of the files that the URI uses. */
function validateUri(
  uri: string,
  scheme: "kms" | "storage",
  kinds: readonly string[],
  credentials: readonly string[],
): string[] {
  const { scheme: got, host, fields } = splitUri(uri);
  if (got !== scheme || !kinds.includes(host)) {
    const wanted = kinds.map((kind) => `"${scheme}://${kind}"`).join(", ");
    throw invalid(`got ${quoted(`${got}://${host}`)}`, `one of ${wanted}`);
  }
  requireOwnCredentials(fields);
  return fields.entries().flatMap(([name, value]) => {
    if (SECRET_FIELDS.has(name)) throw fields.invalid(name, "it", `a file: a URI is no place for secrets`);
    if ((name === "endpoint" || name === "address") && value.startsWith("http:")) {
      throw fields.invalid(name, "http", "https");
    }
    return FILE_FIELD.test(name) ? [credentialName(name, value, fields, credentials)] : [];
  });
}

function credentialName(field: string, value: string, fields: UriFields, credentials: readonly string[]): string {
  const name = value.startsWith(CREDENTIALS_FOLDER) ? value.slice(CREDENTIALS_FOLDER.length) : "";
  if (credentials.includes(name)) return name;
  const known = credentials.map((known) => quoted(`${CREDENTIALS_FOLDER}${known}`)).join(", ");
  throw fields.invalid(field, quoted(value), known === "" ? "a file that stands in credentials" : `one of ${known}`);
}

/** A token of the machine's identity opens more than one service: an endpoint that is given may be anybody's. */
function requireOwnCredentials(fields: UriFields): void {
  if (!fields.has("endpoint") || OWN_CREDENTIALS.some((name) => fields.has(name))) return;
  throw fields.invalid("endpoint", "it with the machine's own identity", "it with a file of credentials only");
}

function invalid(got: string, wanted: string): KmsError {
  return new KmsError("uri_invalid", `Check key management failed: ${got}, wanted ${wanted}`);
}
