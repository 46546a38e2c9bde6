import { awsCredentials } from "../aws/credentials.ts";
import { S3Store } from "../aws/s3-store.ts";
import { BlobStore } from "../azure/blob-store.ts";
import { entraToken } from "../azure/entra-token.ts";
import { KmsError, quoted } from "../error.ts";
import { GcsStore } from "../gcp/gcs-store.ts";
import { googleToken } from "../gcp/google-token.ts";
import type { Tools } from "../http/fetch.ts";
import { type ConfigMapApi, ConfigMapStore } from "../kubernetes/config-map-store.ts";
import type { WrappedKeyStore } from "../store/wrapped-key-store.ts";
import { awsCredentialFields, entraCredentialFields, googleCredentialFields } from "./credentials.ts";
import { splitUri, type UriFields } from "./fields.ts";
import { GCP_NAME, PREFIX, PROJECT, REGION } from "./forms.ts";

/** What stores are reached with. */
export interface StoreDependencies {
  readonly tools: Tools;
  /** The API server of this cluster, where there is one. */
  readonly kubernetes?: ConfigMapApi;
}

type Open = (fields: UriFields, dependencies: StoreDependencies) => WrappedKeyStore | undefined;

const KINDS: Readonly<Record<string, Open>> = {
  aws: openS3,
  azure: openBlob,
  gcp: openGcs,
  kubernetes: openConfigMaps,
  "no-store": () => undefined,
};

/**
 * The store that a `storage://` URI names; docs/kms.md lists the fields. Undefined for `storage://no-store`, which is
 * for keys that are derived. Asks no store yet.
 * @throws KmsError `uri_invalid`
 */
export function openStore(uri: string, dependencies: StoreDependencies): WrappedKeyStore | undefined {
  const { scheme, host, fields } = splitUri(uri);
  if (scheme !== "storage" || !Object.hasOwn(KINDS, host)) {
    const wanted = Object.keys(KINDS)
      .map((kind) => `"storage://${kind}"`)
      .join(", ");
    throw new KmsError(
      "uri_invalid",
      `Parse URI failed: got ${quoted(`${scheme}://${host}`)}, wanted one of ${wanted}`,
    );
  }
  const store = (KINDS[host] as Open)(fields, dependencies);
  fields.end();
  return store;
}

function openS3(fields: UriFields, { tools }: StoreDependencies): WrappedKeyStore {
  const region = fields.text("region", REGION, "a region such as eu-central-1");
  const bucket = fields.text("bucket", /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "the name of a bucket");
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const endpoint = fields.endpoint("endpoint", "");
  // A name with dots does not fit the certificate of virtual hosts; neither do other stores have such hosts.
  const isHost = endpoint === "" && !bucket.includes(".");
  const origin = endpoint === "" ? `https://s3.${region}.${domain}` : endpoint;
  return new S3Store(
    {
      region,
      bucket,
      prefix: prefixOf(fields),
      bucketUrl: isHost ? `https://${bucket}.s3.${region}.${domain}` : `${origin}/${bucket}`,
      credentials: awsCredentials(awsCredentialFields(fields), "store", tools),
    },
    tools,
  );
}

function openBlob(fields: UriFields, { tools }: StoreDependencies): WrappedKeyStore {
  const account = fields.text("account", /^[a-z0-9]{3,24}$/, "the name of a storage account");
  const container = fields.text("container", /^[a-z0-9](?:-?[a-z0-9]){2,62}$/, "the name of a container");
  const audience = { resource: "https://storage.azure.com", authority: "https://login.microsoftonline.com" };
  const origin = fields.endpoint("endpoint", `https://${account}.blob.core.windows.net`);
  return new BlobStore(
    {
      containerUrl: `${origin}/${container}`,
      prefix: prefixOf(fields),
      token: entraToken(entraCredentialFields(fields), audience, "store", tools),
    },
    tools,
  );
}

function openGcs(fields: UriFields, { tools }: StoreDependencies): WrappedKeyStore {
  // The predecessor's URI has it; a bucket is found without.
  fields.optional("projectID", PROJECT, "a project ID");
  const scope = "https://www.googleapis.com/auth/devstorage.read_write";
  return new GcsStore(
    {
      bucket: fields.text("bucket", /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/, "the name of a bucket"),
      prefix: prefixOf(fields),
      endpoint: fields.endpoint("endpoint", "https://storage.googleapis.com"),
      token: googleToken(googleCredentialFields(fields), scope, "store", tools),
    },
    tools,
  );
}

function openConfigMaps(fields: UriFields, { tools, kubernetes }: StoreDependencies): WrappedKeyStore {
  const namespace = fields.optional("namespace", GCP_NAME, "a namespace") ?? "kube-system";
  if (kubernetes !== undefined) return new ConfigMapStore(kubernetes, namespace, tools);
  throw new KmsError("uri_invalid", "Open storage://kubernetes failed: got no API server, wanted to be in a cluster");
}

function prefixOf(fields: UriFields): string {
  return fields.optional("prefix", PREFIX, "names with slashes between them and at the end") ?? "";
}
