const PUBLIC = 0o644;
const PRIVATE = 0o600;

/** A file that all control planes of a cluster have in common. */
export interface ControlPlaneFile {
  /** Path below the PKI folder of the node, `/etc/kubernetes/pki`. */
  readonly path: string;
  readonly mode: number;
}

/**
 * What every control plane of a cluster shares. This table is all that a join service hands out, and all that a joining
 * control plane takes.
 */
export const CONTROL_PLANE_FILES: readonly ControlPlaneFile[] = [
  { path: "ca.crt", mode: PUBLIC },
  { path: "ca.key", mode: PRIVATE },
  { path: "sa.pub", mode: PUBLIC },
  { path: "sa.key", mode: PRIVATE },
  { path: "front-proxy-ca.crt", mode: PUBLIC },
  { path: "front-proxy-ca.key", mode: PRIVATE },
  { path: "etcd/ca.crt", mode: PUBLIC },
  { path: "etcd/ca.key", mode: PRIVATE },
  { path: "constellation/ca.crt", mode: PUBLIC },
  { path: "constellation/ca.key", mode: PRIVATE },
];
