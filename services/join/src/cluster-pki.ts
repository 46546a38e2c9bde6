import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { JoinError } from "./errors.ts";
import type { Authority } from "./issue-certificate.ts";

/** A file of a control plane, as the ticket carries it. */
export interface PkiFile {
  /** Absolute path on the node. */
  readonly path: string;
  readonly data: Uint8Array;
  readonly mode: number;
}

/** Where kubeadm keeps the cluster's PKI on a node. */
const NODE_PKI_DIRECTORY = "/etc/kubernetes/pki";

const PUBLIC = 0o644;
const PRIVATE = 0o600;

/** What every control plane of a cluster shares, by path below the PKI folder. This table is all that is handed out. */
export const CONTROL_PLANE_FILES: readonly { readonly path: string; readonly mode: number }[] = [
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
  { path: "constellation/encryption.yaml", mode: PRIVATE },
];

/** The cluster's PKI on this control plane, read at each use so that a renewed file counts at once. */
export class ClusterPki {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The authority of the cluster. @throws JoinError `pki_unavailable` */
  async authority(signal: AbortSignal): Promise<Authority> {
    const [certificate, key] = await Promise.all([this.#read("ca.crt", signal), this.#read("ca.key", signal)]);
    return { certificatePem: certificate.toString("utf8"), keyPem: key.toString("utf8") };
  }

  /** All files of the table; one that is missing refuses all. @throws JoinError `pki_unavailable` */
  async controlPlaneFiles(signal: AbortSignal): Promise<PkiFile[]> {
    return Promise.all(
      CONTROL_PLANE_FILES.map(async ({ path, mode }) => ({
        path: join(NODE_PKI_DIRECTORY, path),
        data: new Uint8Array(await this.#read(path, signal)),
        mode,
      })),
    );
  }

  async #read(path: string, signal: AbortSignal): Promise<Buffer> {
    const file = join(this.#directory, path);
    try {
      return await readFile(file, { signal });
    } catch (cause) {
      throw new JoinError("pki_unavailable", `Read cluster PKI failed: got no readable "${file}"`, { cause });
    }
  }
}
