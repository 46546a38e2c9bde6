import { fromBase64 } from "@constellation/bytes";
import { isObject, parseStrictJsonObject } from "@constellation/json";
import { KEY_LENGTH_BYTES, MasterSecret } from "@constellation/keys";
import { AwsKms } from "../aws/aws-kms.ts";
import { awsCredentials } from "../aws/credentials.ts";
import { entraToken } from "../azure/entra-token.ts";
import { KeyVault } from "../azure/key-vault.ts";
import { ClusterKms, type ClusterKmsOptions } from "../cluster/cluster-kms.ts";
import { EnvelopeKms, type RandomBytes } from "../envelope/envelope-kms.ts";
import { KmsError, quoted } from "../error.ts";
import { GcpKms } from "../gcp/gcp-kms.ts";
import { googleToken } from "../gcp/google-token.ts";
import type { Tools } from "../http/fetch.ts";
import { readCredentials, revealText } from "../http/text-secret.ts";
import type { KeyManagementService, KeyWrapper, KmsKind } from "../key-wrapper.ts";
import { type KmipExchange, type KmipKey, KmipKms } from "../kmip/kmip-kms.ts";
import { KMIP_VERSIONS } from "../kmip/message.ts";
import type { KmipServer } from "../node/kmip-exchange.ts";
import { vaultToken } from "../vault/vault-token.ts";
import { VaultTransit } from "../vault/vault-transit.ts";
import {
  awsCredentialFields,
  entraCredentialFields,
  googleCredentialFields,
  vaultCredentialFields,
} from "./credentials.ts";
import { splitUri, type UriFields } from "./fields.ts";
import { GCP_NAME, PROJECT, REGION } from "./forms.ts";

/** What KMSs are reached with. */
export interface KmsDependencies {
  /** Tools that trust these PEM CAs alone, or the system's. */
  readonly tools: (ca?: string) => Tools;
  readonly kmip: (server: KmipServer, tools: Tools) => KmipExchange;
  readonly random: RandomBytes;
}

const VAULTS = {
  "vault.azure.net": "https://login.microsoftonline.com",
  "vault.azure.cn": "https://login.chinacloudapi.cn",
  "vault.usgovcloudapi.net": "https://login.microsoftonline.us",
  "vault.microsoftazure.de": "https://login.microsoftonline.de",
  "managedhsm.azure.net": "https://login.microsoftonline.com",
  "managedhsm.azure.cn": "https://login.chinacloudapi.cn",
  "managedhsm.usgovcloudapi.net": "https://login.microsoftonline.us",
} as const;
const VAULT_TYPES = Object.keys(VAULTS) as [keyof typeof VAULTS, ...(keyof typeof VAULTS)[]];

type Open = (fields: UriFields, dependencies: KmsDependencies, signal: AbortSignal) => KeyWrapper | Promise<KeyWrapper>;

const KINDS: Readonly<Record<KmsKind, Open>> = {
  aws: openAws,
  azure: openAzure,
  "cluster-kms": openCluster,
  gcp: openGcp,
  kmip: openKmip,
  vault: openVault,
};

/**
 * The KMS that a `kms://` URI names; docs/kms.md lists the fields. Reads files of CAs, but asks no KMS yet.
 * @throws KmsError `uri_invalid`, `credentials_unreadable`
 */
export async function openKms(
  uri: string,
  dependencies: KmsDependencies,
  signal: AbortSignal,
): Promise<KeyManagementService> {
  const { scheme, host, fields } = splitUri(uri);
  if (scheme !== "kms" || !Object.hasOwn(KINDS, host)) {
    const wanted = Object.keys(KINDS)
      .map((kind) => `"kms://${kind}"`)
      .join(", ");
    throw new KmsError(
      "uri_invalid",
      `Parse URI failed: got ${quoted(`${scheme}://${host}`)}, wanted one of ${wanted}`,
    );
  }
  const wrapper = await KINDS[host as KmsKind](fields, dependencies, signal);
  fields.end();
  return new EnvelopeKms(wrapper, dependencies.random);
}

function openAws(fields: UriFields, dependencies: KmsDependencies): KeyWrapper {
  const tools = dependencies.tools();
  const region = fields.text("region", REGION, "a region such as eu-central-1");
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  return new AwsKms(
    {
      region,
      keyName: fields.text("keyName", /^[\w:/-]{1,256}$/, "a key ID, key ARN or alias"),
      endpoint: fields.endpoint("endpoint", `https://kms.${region}.${domain}`),
      credentials: awsCredentials(awsCredentialFields(fields), "kms", tools),
    },
    tools,
  );
}

function openAzure(fields: UriFields, dependencies: KmsDependencies): KeyWrapper {
  const tools = dependencies.tools();
  const type = fields.oneOf("vaultType", VAULT_TYPES);
  const name = fields.text("vaultName", /^[A-Za-z0-9-]{3,24}$/, "the name of a vault");
  const audience = { resource: `https://${type}`, authority: VAULTS[type] };
  return new KeyVault(
    {
      vaultUrl: `https://${name.toLowerCase()}.${type}`,
      keyName: fields.text("keyName", /^[A-Za-z0-9-]{1,127}$/, "the name of a key"),
      isManagedHsm: type.startsWith("managedhsm."),
      token: entraToken(entraCredentialFields(fields), audience, "kms", tools),
    },
    tools,
  );
}

function openGcp(fields: UriFields, dependencies: KmsDependencies): KeyWrapper {
  const tools = dependencies.tools();
  const project = fields.text("projectID", PROJECT, "a project ID");
  const [location, ring, key] = ["location", "keyRing", "keyName"].map((name) => fields.text(name, GCP_NAME, "a name"));
  const scope = "https://www.googleapis.com/auth/cloudkms";
  return new GcpKms(
    {
      resource: `projects/${project}/locations/${location}/keyRings/${ring}/cryptoKeys/${key}`,
      endpoint: fields.endpoint("endpoint", "https://cloudkms.googleapis.com"),
      token: googleToken(googleCredentialFields(fields), scope, "kms", tools),
    },
    tools,
  );
}

async function openVault(fields: UriFields, dependencies: KmsDependencies, signal: AbortSignal): Promise<KeyWrapper> {
  const system = dependencies.tools();
  const caFile = fields.has("caFile") ? fields.path("caFile") : undefined;
  const tools = caFile === undefined ? system : dependencies.tools(await readCredentials(caFile, system, signal));
  const address = {
    address: requiredEndpoint(fields, "address"),
    namespace: fields.optional("namespace", /^[\w/-]{1,128}$/, "the path of a namespace"),
  };
  return new VaultTransit(
    {
      ...address,
      mount: fields.optional("mount", /^[\w-]+(?:\/[\w-]+)*$/, "the path of a transit engine") ?? "transit",
      keyName: fields.text("keyName", /^[\w.-]{1,128}$/, "the name of a key"),
      token: vaultToken(vaultCredentialFields(fields), address, tools),
    },
    tools,
  );
}

function openKmip(fields: UriFields, dependencies: KmsDependencies): KeyWrapper {
  const tools = dependencies.tools();
  const address = fields.text("address", /^(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-f:]+\])(?::\d{1,5})?$/, "<host>[:<port>]");
  const [, host = "", port = "5696"] = /^(.*?)(?::(\d+))?$/.exec(address) ?? [];
  const server: KmipServer = {
    host: host.replace(/^\[|\]$/g, ""),
    port: Number(port),
    caFile: fields.path("caFile"),
    certificateFile: fields.path("certificateFile"),
    keyFile: fields.path("keyFile"),
  };
  if (server.port < 1 || server.port > 65_535)
    throw fields.invalid("address", quoted(address), "a port from 1 to 65535");
  const version = fields.oneOf("version", KMIP_VERSIONS);
  return new KmipKms(
    { version, key: kmipKey(fields), exchange: dependencies.kmip(server, tools) },
    tools,
    dependencies.random,
  );
}

function kmipKey(fields: UriFields): KmipKey {
  if (fields.has("keyName")) return { by: "name", name: fields.text("keyName", /^[\x20-\x7e]{1,256}$/, "a name") };
  return {
    by: "identifier",
    identifier: fields.text("keyID", /^[\x21-\x7e]{1,256}$/, "a unique identifier, or keyName"),
  };
}

/** `key` and `salt` as the predecessor has them, base64url of 32 bytes each; or the CLI's file `masterSecretFile`. */
function openCluster(fields: UriFields, dependencies: KmsDependencies): KeyWrapper {
  if (fields.has("masterSecretFile")) {
    const path = fields.path("masterSecretFile");
    return new ClusterKms(
      { masterSecret: (signal) => readMasterSecret(path, dependencies.tools(), signal) },
      dependencies.random,
    );
  }
  const [key, salt] = [base64UrlField(fields, "key"), base64UrlField(fields, "salt")];
  const masterSecret: ClusterKmsOptions["masterSecret"] = () =>
    Promise.resolve({ secret: new MasterSecret(key), salt });
  return new ClusterKms({ masterSecret }, dependencies.random);
}

async function readMasterSecret(
  path: string,
  tools: Tools,
  signal: AbortSignal,
): Promise<{ secret: MasterSecret; salt: Uint8Array }> {
  try {
    const json = parseStrictJsonObject(await readCredentials(path, tools, signal));
    if (!isObject(json) || typeof json["key"] !== "string" || typeof json["salt"] !== "string")
      throw new TypeError("form");
    const [key, salt] = [fromBase64(json["key"]), fromBase64(json["salt"])];
    const secret = new MasterSecret(key);
    key.fill(0);
    return { secret, salt };
  } catch (error) {
    if (error instanceof KmsError) throw error;
    // No cause: it could quote the file.
    const message = `Read credentials failed: got a file ${quoted(path)} of other form, wanted a master secret's`;
    throw new KmsError("credentials_unreadable", message);
  }
}

function base64UrlField(fields: UriFields, name: string): Uint8Array {
  const text = revealText(fields.secret(name)).replace(/=+$/, "");
  try {
    const bytes = fromBase64(text.replaceAll("-", "+").replaceAll("_", "/") + "=".repeat((4 - (text.length % 4)) % 4));
    if (bytes.length === KEY_LENGTH_BYTES) return bytes;
  } catch {
    // No cause: it would tell where in a secret it failed.
  }
  throw fields.invalid(name, "another secret", `base64url of ${KEY_LENGTH_BYTES} bytes`);
}

function requiredEndpoint(fields: UriFields, name: string): string {
  const endpoint = fields.endpoint(name, "");
  if (endpoint !== "") return endpoint;
  throw fields.invalid(name, "nothing", '"https://<host>[:<port>]"');
}
