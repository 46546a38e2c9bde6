import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { ServiceImpl } from "@connectrpc/connect";
import { type RpcServer, type RpcLimits, serveUnix } from "@constellation/rpc";
import { type DecryptRequest, KeyManagementService } from "@constellation/rpc/kms/v2";
import { NodeError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import type { EtcdKeyring } from "./etcd-keyring.ts";
import { kmsKeyId, unwrapSeed, wrapSeed } from "./seed-wrapping.ts";

/** The version of the protocol that is spoken. */
const PROTOCOL = "v2";
const KEY_ID = /^etcd-secrets\/([1-9][0-9]{0,6})$/;
const MAX_SHOWN_CHARS = 64;

// A request is a seed or a wrapped one, with an ID of it: 4 KiB hold the greatest that Kubernetes allows.
const LIMITS: Partial<RpcLimits> = {
  readMaxBytes: 4096,
  writeMaxBytes: 4096,
  maxConnections: 16,
  maxTimeoutMs: 5 * 60_000,
};

const STATUSES = {
  kms_request: "invalid-argument",
  kms_key: "not-found",
  kms_ciphertext: "data-loss",
  kms_unavailable: "unavailable",
} as const;

/**
 * Serves Kubernetes' KMS v2 protocol to this node's API server: wraps the seeds that it encrypts secrets with. Only root
 * can open the socket.
 */
export async function serveKmsPlugin(ring: EtcdKeyring, path: string, log: Log): Promise<RpcServer<string>> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  return await serveUnix({
    path,
    mode: 0o600,
    limits: LIMITS,
    statuses: STATUSES,
    onError: (error) => log.error("request to the KMS plugin failed", error),
    routes: (router) => router.service(KeyManagementService, kmsHandlers(ring)),
  });
}

function kmsHandlers(ring: EtcdKeyring): ServiceImpl<typeof KeyManagementService> {
  return {
    status() {
      const key = ring.current;
      if (key === undefined) return { version: PROTOCOL, healthz: "this control plane has no key yet", keyId: "" };
      return { version: PROTOCOL, healthz: "ok", keyId: kmsKeyId(key.generation) };
    },

    encrypt({ plaintext }) {
      const key = ring.current;
      if (key === undefined) {
        throw new NodeError("kms_unavailable", "Wrap seed failed: got no key of this control plane, wanted one");
      }
      try {
        const ciphertext = wrapSeed(key, plaintext, randomBytes);
        ring.noteWritten(key.generation);
        return { ciphertext, keyId: kmsKeyId(key.generation) };
      } finally {
        plaintext.fill(0);
      }
    },

    decrypt(request) {
      requireNoAnnotations(request);
      const generation = generationOf(request.keyId);
      const key = generation === undefined ? undefined : ring.get(generation);
      if (generation === undefined || key === undefined) {
        const wanted =
          ring.held.map((held) => `"${kmsKeyId(held.generation)}"`).join(", ") || "none: it has no key yet";
        throw new NodeError(
          "kms_key",
          `Unwrap seed failed: got key ID ${shown(request.keyId)}, wanted one of ${wanted}`,
        );
      }
      return { plaintext: unwrapSeed({ generation, key }, request.ciphertext) };
    },
  };
}

/** We add none, and what lies in etcd in their place is nobody's word. */
function requireNoAnnotations({ annotations }: DecryptRequest): void {
  const count = Object.keys(annotations).length;
  if (count > 0) throw new NodeError("kms_request", `Unwrap seed failed: got "${count}" annotations, wanted none`);
}

function generationOf(keyId: string): number | undefined {
  const digits = KEY_ID.exec(keyId)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function shown(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN_CHARS ? `${text.slice(0, MAX_SHOWN_CHARS)}...` : text);
}
