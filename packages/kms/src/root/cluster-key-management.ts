import type { Secret } from "@constellation/keys";
import type { KeyManagementService } from "../key-wrapper.ts";
import type { WrappedKeyStore } from "../store/wrapped-key-store.ts";

/** The external KMS of a cluster: URIs without secrets, and the files that they name. */
export interface ClusterKeyManagement {
  readonly kms: string;
  /** Empty for none: the wrapped root is then in the cluster and with its control planes alone. */
  readonly storage: string;
  readonly credentials: ReadonlyMap<string, Secret>;
}

/** A cluster's KMS and store, opened. */
export interface OpenedKeyManagement {
  readonly kms: KeyManagementService;
  readonly store: WrappedKeyStore | undefined;
}

/** A KMS as messages name it: its kind and, where there is one, the address. No other field. */
export function describeKms(uri: string): string {
  const [, kind = "unknown", query = ""] = /^kms:\/\/([a-z0-9-]{1,32})(?:\?(.*))?$/s.exec(uri) ?? [];
  const [, address = ""] = /(?:^|&)(?:address|vaultName|endpoint)=([\w.:%/[\]-]{1,200})(?:&|$)/.exec(query) ?? [];
  return address === "" ? `kms://${kind}` : `kms://${kind} at ${address}`;
}
