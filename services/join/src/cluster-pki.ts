import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CONTROL_PLANE_FILES } from "@constellation/cluster-state";
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

  /** All files of {@link CONTROL_PLANE_FILES}; one that is missing refuses all. @throws JoinError `pki_unavailable` */
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
