import { createPrivateKey } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  collectEtcdKeys,
  ETCD_SECRETS_KEY_ID,
  formatKeyId,
  type GivenKey,
  KEY_LENGTH_BYTES,
} from "@constellation/keys";
import { createMtlsClient, fromConnectError, KeyService, type MtlsIdentity, type RpcClient } from "@constellation/rpc";
import { createKeyPair, issueCertificate, privateKeyPem } from "../pki/certificate.ts";
import type { EtcdKeySource } from "./follow-generations.ts";

/** Whom the key service sees. */
const SERVICE_NAME = "node-agent";
const CALL_TIMEOUT_MS = 30_000;
const LIFETIME_MS = 10 * 60_000;
/** The peer is on the same machine: no more than a step of its clock is to be borne. */
const BACKDATE_MS = 60_000;

const KEY_ID = formatKeyId({ namespace: "etcd-secrets", id: ETCD_SECRETS_KEY_ID });

type Client = RpcClient<typeof KeyService>["client"];

/** Where this node's key service is, and the folder of the authority that both know each other by. */
export interface KeyServiceOptions {
  readonly host: string;
  readonly port: number;
  readonly pkiDirectory: string;
}

/**
 * Asks this node's key service, over mutual TLS. The certificate is made for one visit from the authority that every
 * control plane has: none that could be taken lies on a disk.
 */
export function keyServiceEtcdKeys({ host, port, pkiDirectory }: KeyServiceOptions, now: () => Date): EtcdKeySource {
  return async (signal) => {
    const identity = await makeIdentity(pkiDirectory, now());
    const options = { host, port, serverName: "key-service", ...identity, timeoutMs: CALL_TIMEOUT_MS };
    const { client, close } = createMtlsClient(KeyService, options);
    try {
      return await collectEtcdKeys((generation) => getKey(client, generation, signal));
    } finally {
      await close();
    }
  };
}

async function makeIdentity(directory: string, now: Date): Promise<MtlsIdentity> {
  const ca = await readFile(join(directory, "ca.crt"), "utf8");
  const authority = {
    certificatePem: ca,
    privateKey: createPrivateKey(await readFile(join(directory, "ca.key"), "utf8")),
  };
  const { publicKey, privateKey } = createKeyPair();
  const certificate = issueCertificate(
    {
      subject: { commonName: SERVICE_NAME },
      publicKey,
      usage: "client",
      altNames: [{ uri: `constellation://service/${SERVICE_NAME}` }],
      notBefore: new Date(now.getTime() - BACKDATE_MS),
      notAfter: new Date(now.getTime() + LIFETIME_MS),
    },
    authority,
  );
  return { ca, certificate, key: privateKeyPem(privateKey) };
}

/** The key of one generation; `undefined` where the key service has that generation no more. @throws RpcError */
async function getKey(client: Client, generation: number, signal: AbortSignal): Promise<GivenKey | undefined> {
  try {
    return await client.getDataKey({ keyId: KEY_ID, lengthBytes: KEY_LENGTH_BYTES, generation }, { signal });
  } catch (error) {
    const known = fromConnectError(error);
    if (known.code === "not-found" && generation !== 0) return undefined;
    throw known;
  }
}
