import { createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fromBase64 } from "@constellation/bytes";
import { NodeError } from "../errors.ts";
import { PATHS } from "../options.ts";
import { createKeyPair, issueCertificate, privateKeyPem } from "../pki/certificate.ts";
import { ApiClient } from "./api-client.ts";
import { applyObjects, type KubeObject } from "./apply.ts";

/** What the agent of a control plane does to the cluster in its own name. */
export interface ClusterAdmin {
  /** Server-side apply. @throws NodeError `kubernetes` */
  apply(objects: readonly KubeObject[], signal: AbortSignal): Promise<void>;
  /** The entries of a Secret; undefined if there is no such Secret. @throws NodeError `kubernetes` */
  readSecret(
    namespace: string,
    name: string,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, Uint8Array> | undefined>;
  /** Returns when the API server says that all of it is ready. @throws NodeError `kubernetes` when it does not */
  requireReady(signal: AbortSignal): Promise<void>;
}

export interface ClusterAdminOptions {
  root: string;
  host: string;
  port: number;
  now: () => Date;
}

const LIFETIME_MS = 3600_000;
const BACKDATE_MS = 2 * 3600_000;
const REQUEST_TIMEOUT_MS = 60_000;

/**
 * The cluster's administrator by a certificate that lives for an hour and in memory only, made with the cluster CA of
 * this control plane.
 */
export function createClusterAdmin(options: ClusterAdminOptions): ClusterAdmin {
  return {
    async apply(objects, signal) {
      const client = await connect(options);
      try {
        await applyObjects(objects, (...request) => client.send(...request), signal);
      } finally {
        client.close();
      }
    },
    async readSecret(namespace, name, signal) {
      const client = await connect(options);
      try {
        const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
        const { status, body } = await client.send("GET", path, undefined, signal);
        if (status === 404) return undefined;
        if (status !== 200)
          throw new NodeError("kubernetes", `Read secret "${name}" failed: got "${status}", wanted "200"`);
        return entriesOf(body);
      } finally {
        client.close();
      }
    },
    async requireReady(signal) {
      const client = await connect(options);
      try {
        const { status } = await client.send("GET", "/readyz", undefined, signal);
        if (status !== 200) throw new NodeError("kubernetes", `Check API server failed: got "${status}", wanted "200"`);
      } finally {
        client.close();
      }
    },
  };
}

function entriesOf(body: unknown): ReadonlyMap<string, Uint8Array> {
  const { data = {} } = (body ?? {}) as { data?: Readonly<Record<string, string>> };
  return new Map(Object.entries(data).map(([name, value]) => [name, fromBase64(value)]));
}

async function connect({ root, host, port, now }: ClusterAdminOptions): Promise<ApiClient> {
  const caPem = await readFile(`${root}${PATHS.pki}/ca.crt`, "utf8");
  const privateKey = createPrivateKey(await readFile(`${root}${PATHS.pki}/ca.key`, "utf8"));
  const keys = createKeyPair();
  const certificatePem = issueCertificate(
    {
      subject: { commonName: "constellation:node-agent", organization: "system:masters" },
      publicKey: keys.publicKey,
      usage: "client",
      altNames: [],
      notBefore: new Date(now().getTime() - BACKDATE_MS),
      notAfter: new Date(now().getTime() + LIFETIME_MS),
    },
    { certificatePem: caPem, privateKey },
  );
  const keyPem = privateKeyPem(keys.privateKey);
  return new ApiClient({ host, port, caPem, certificatePem, keyPem, timeoutMs: REQUEST_TIMEOUT_MS });
}
