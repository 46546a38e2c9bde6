import type { Secret } from "@constellation/keys";
import type { KeyManagementService } from "../key-wrapper.ts";
import type { WrappedKeyStore } from "../store/wrapped-key-store.ts";
import { splitUri } from "../uri/fields.ts";

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

/** The address that a URI names, as a URL; undefined where the service is a vendor's own. @throws KmsError `uri_invalid` */
export function addressIn(uri: string): string | undefined {
  const [, address] =
    splitUri(uri)
      .fields.entries()
      .find(([name]) => name === "address" || name === "endpoint") ?? [];
  if (address === undefined || address === "" || address.includes("://")) return address === "" ? undefined : address;
  return `https://${/:\d{1,5}$/.test(address) ? address : `${address}:${KMIP_PORT}`}`;
}

const KMIP_PORT = 5696;
