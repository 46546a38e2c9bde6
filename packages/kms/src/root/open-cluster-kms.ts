import type { Secret } from "@constellation/keys";
import { KmsError, quoted } from "../error.ts";
import type { Limits, Tools } from "../http/fetch.ts";
import { nodeKmsDependencies } from "../node/dependencies.ts";
import { CREDENTIAL_LIMITS, CREDENTIALS_FOLDER, validateClusterUris } from "../uri/cluster-uris.ts";
import { type KmsDependencies, openKms } from "../uri/open-kms.ts";
import { openStore } from "../uri/open-store.ts";
import type { ClusterKeyManagement, OpenedKeyManagement } from "./cluster-key-management.ts";

/** What a cluster's KMS is reached with; files are replaced by the cluster's own. */
export type ClusterKmsDependencies = KmsDependencies;

/**
 * Opens the KMS of a cluster. Files are those of `credentials` and no others of this machine. Asks no KMS yet.
 * @throws KmsError `uri_invalid`, `credentials_unreadable`
 */
export async function openClusterKms(
  { kms, storage, credentials }: ClusterKeyManagement,
  dependencies: ClusterKmsDependencies,
  signal: AbortSignal,
): Promise<OpenedKeyManagement> {
  validateClusterUris({ kms, storage }, [...credentials.keys()]);
  requireBounds(credentials);
  const enclosed: KmsDependencies = {
    ...dependencies,
    tools: (ca) => ({ ...dependencies.tools(ca), readFile: reader(credentials) }),
  };
  return {
    kms: await openKms(kms, enclosed, signal),
    store: storage === "" ? undefined : openStore(storage, { tools: enclosed.tools() }),
  };
}

/** Network, clock and randomness of this machine, for `openClusterKms`. */
export function clusterKmsDependencies(limits?: Partial<Limits>): ClusterKmsDependencies {
  return nodeKmsDependencies(limits);
}

function reader(credentials: ReadonlyMap<string, Secret>): Tools["readFile"] {
  return (path) => {
    const secret = path.startsWith(CREDENTIALS_FOLDER)
      ? credentials.get(path.slice(CREDENTIALS_FOLDER.length))
      : undefined;
    return secret === undefined
      ? Promise.reject(new Error(`there is no ${quoted(path)} among the cluster's credentials`))
      : Promise.resolve(Uint8Array.from(secret.reveal()));
  };
}

function requireBounds(credentials: ReadonlyMap<string, Secret>): void {
  const bytes = [...credentials.values()].reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  if (credentials.size <= CREDENTIAL_LIMITS.files && bytes <= CREDENTIAL_LIMITS.totalBytes) return;
  const wanted = `"${CREDENTIAL_LIMITS.files}" files with "${CREDENTIAL_LIMITS.totalBytes}" bytes at most`;
  throw new KmsError(
    "uri_invalid",
    `Check key management failed: got credentials in "${credentials.size}" files with "${bytes}" bytes, wanted ${wanted}`,
  );
}
