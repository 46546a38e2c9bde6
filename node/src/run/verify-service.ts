import { createHash } from "node:crypto";
import type { Attester } from "@constellation/atls";
import { RpcError, type RpcServer, serveTcp, VerifyService } from "@constellation/rpc";
import { NodeError } from "../errors.ts";

const LABEL = "constellation/verify/v1";
const NONCE_BYTES = 32;
/** Quotes that may wait for the TPM. Anyone may ask, so the line is short. */
const MAX_WAITING = 8;

/** Report data of evidence for anyone: bound to the asker's nonce and to this use. */
export function verifyReportData(nonce: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha512").update(LABEL).update(nonce).digest());
}

/** Serves evidence to whoever asks, on plain gRPC: evidence proves itself. */
export function serveVerify(attester: Attester, listen: { host: string; port: number }): Promise<RpcServer> {
  let waiting = 0;
  return serveTcp({
    ...listen,
    statuses: { request: "invalid-argument" },
    limits: { readMaxBytes: 1024, maxConcurrentStreams: 4, maxConnections: 32, maxTimeoutMs: 60_000 },
    routes: (router) =>
      router.service(VerifyService, {
        async getEvidence({ nonce }, context) {
          if (nonce.length !== NONCE_BYTES) {
            const got = `got a nonce of "${nonce.length}" bytes, wanted "${NONCE_BYTES}"`;
            throw new NodeError("request", `Get evidence failed: ${got}`);
          }
          if (waiting >= MAX_WAITING) {
            throw new RpcError("resource-exhausted", `Get evidence failed: got "${waiting}" callers in line already`);
          }
          waiting += 1;
          try {
            return { evidence: await attester.issue(verifyReportData(nonce), context.signal) };
          } finally {
            waiting -= 1;
          }
        },
      }),
  });
}
