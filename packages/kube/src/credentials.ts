import { readFile } from "node:fs/promises";
import { KubeError } from "./errors.ts";

/** How a request proves who it is and knows the server. `toJSON` hides it all, because it holds keys and tokens. */
export interface Credentials {
  /** The API server's CA (PEM). Nothing else is trusted. */
  readonly ca: string;
  readonly clientCertificate?: string;
  readonly clientKey?: string;
  readonly token?: string;
}

/** Gives the credentials for one request. */
export type CredentialSource = (signal: AbortSignal) => Promise<Credentials>;

/** A pod's service account files. */
export interface InClusterFiles {
  readonly tokenFile: string;
  readonly caFile: string;
}

/** Reads token and CA anew for each request: the kubelet replaces them while the pod runs. */
export function inClusterCredentials(files: InClusterFiles): CredentialSource {
  return async (signal) => {
    try {
      const [ca, token] = await Promise.all([
        readFile(files.caFile, { encoding: "utf8", signal }),
        readFile(files.tokenFile, { encoding: "utf8", signal }),
      ]);
      return { ca, token: token.trim() };
    } catch (cause) {
      throw new KubeError(
        "credentials_unreadable",
        `Read service account failed: got no readable "${files.tokenFile}" and "${files.caFile}"`,
        { cause },
      );
    }
  };
}
