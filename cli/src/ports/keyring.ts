/** The keyring's Secret as the cluster has it. */
export interface KeyringSecret {
  readonly entries: Readonly<Record<string, Uint8Array>>;
  readonly resourceVersion: string;
  /** All Kubernetes secrets are under keys of this generation or later ones. */
  readonly rewrittenGeneration: number;
}

/** A change to the keyring's Secret. */
export interface KeyringChange {
  readonly entries?: Readonly<Record<string, Uint8Array>>;
  readonly rewrittenGeneration?: number;
}

/** What a node says of the keys that it uses; undefined where it says nothing. */
export interface NodeGenerations {
  readonly name: string;
  readonly stateDisk: number | undefined;
  /** Of the key under which its API server encrypts secrets. */
  readonly apiServer: number | undefined;
  readonly isControlPlane: boolean;
}

/** An encrypted persistent volume. */
export interface VolumeGeneration {
  readonly name: string;
  readonly generation: number | undefined;
}

/** What API servers encrypt. */
export const ENCRYPTED_RESOURCES = ["secrets", "configmaps"] as const;

/** An object that is encrypted in etcd, without what is in it. */
export interface EncryptedObject {
  readonly resource: (typeof ENCRYPTED_RESOURCES)[number];
  readonly namespace: string;
  readonly name: string;
  readonly resourceVersion: string;
}

/** What `keys` asks of Kubernetes. */
export interface KeyringPort {
  /** Undefined if there is no such Secret. */
  readKeyring(signal: AbortSignal): Promise<KeyringSecret | undefined>;
  /** Changes the Secret as it was read; false if it was changed meanwhile. */
  changeKeyring(read: KeyringSecret, change: KeyringChange, signal: AbortSignal): Promise<boolean>;
  nodeGenerations(signal: AbortSignal): Promise<readonly NodeGenerations[]>;
  volumeGenerations(signal: AbortSignal): Promise<readonly VolumeGeneration[]>;
  /** A page of all objects of a resource, and what to ask the next one with. */
  listEncrypted(
    resource: EncryptedObject["resource"],
    next: string | undefined,
    signal: AbortSignal,
  ): Promise<{ readonly objects: readonly EncryptedObject[]; readonly next?: string }>;
  /**
   * Has the API server write an object again as it is, and so under its current key. One that was changed or has gone is
   * fine: who changed it has had it written.
   */
  rewrite(object: EncryptedObject, signal: AbortSignal): Promise<void>;
}
