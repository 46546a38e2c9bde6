/** Namespace and name of the Secret that holds the keyring. */
export const KEYRING_NAMESPACE = "kube-system";
export const KEYRING_NAME = "constellation-master-secret";

/**
 * Where things say which generation of the master secret their key is from. What says nothing uses the first.
 *
 * `node` and `apiServer` stand on a Node, written by its own agent: the key of its state disk, and the key under which its
 * API server encrypts Kubernetes secrets. `volume` stands on a PersistentVolume. `rewritten` stands on the keyring's
 * Secret: all Kubernetes secrets were written again under keys of this generation or a later one.
 */
export const GENERATION_ANNOTATIONS = {
  node: "constellation.internal/state-disk-generation",
  apiServer: "constellation.internal/etcd-secrets-generation",
  volume: "csi.constellation.internal/generation",
  rewritten: "constellation.internal/secrets-rewritten",
} as const;

/** On a PersistentVolume: it is encrypted, and this is its LUKS UUID. */
export const VOLUME_UUID_ANNOTATION = "csi.constellation.internal/luks-uuid";
/** Annotation of a PersistentVolume while its first formatting is under way: the UUID it is to have. */
export const VOLUME_FORMATTING_ANNOTATION = "csi.constellation.internal/luks-formatting";
