import { type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { type Appraiser, type Attester, connectAtls } from "@constellation/atls";
import { concat, equalConstantTime, fromUtf8, utf8 } from "@constellation/bytes";
import { type RpcError, fromConnectError } from "./errors.ts";
import { VerifyService } from "./gen/constellation/verify/v1/verify_pb.ts";

/** A signal that nobody aborts. */
export const NEVER = new AbortController().signal;

/** Terms of an attested server in a test that does not look at time. */
export const ATLS_TERMS = { purpose: "join", handshakeTimeoutMs: 30_000, maxPending: 8 } as const;

/** Fake evidence: a name and the report data. */
function attesterNamed(name: string): Attester {
  return { issue: async (reportData) => concat(utf8(`${name}|`), reportData) };
}

/** Accepts fake evidence over this connection's report data, and gives the name in it. */
export const nameAppraiser: Appraiser<{ readonly name: string }> = {
  async appraise(evidence, reportData) {
    const split = evidence.indexOf("|".charCodeAt(0));
    if (!equalConstantTime(evidence.subarray(split + 1), reportData)) throw new Error("stale");
    return { name: fromUtf8(evidence.subarray(0, split)) };
  },
};

/** Coded errors as our packages throw them. */
export class DiskError extends Error {
  readonly code = "wrong-disk";
}

/** Routes of a verify service that gives back the nonce. */
export function echoRoutes(onCall: (context: HandlerContext) => void = () => {}): (router: ConnectRouter) => void {
  return (router) =>
    void router.service(VerifyService, {
      async getEvidence({ nonce }, context) {
        onCall(context);
        return { evidence: nonce };
      },
    });
}

/** The error that a call ends with, as our funnel gives it. */
export async function rpcErrorOf(call: Promise<unknown>): Promise<RpcError> {
  try {
    await call;
  } catch (error) {
    return fromConnectError(error);
  }
  throw new Error("Test failed: got success, wanted an error");
}

/** Lets `await using` close a server or client, also when the test fails. */
export function closing<T extends { close(): Promise<void> }>(resource: T): T & AsyncDisposable {
  return Object.assign(resource, { [Symbol.asyncDispose]: () => resource.close() });
}

/** An attested server that knows its clients by name. */
export const SERVER = {
  ...ATLS_TERMS,
  host: "127.0.0.1",
  port: 0,
  attester: attesterNamed("server"),
  appraiser: nameAppraiser,
};

/** Connects with attested TLS under a name. */
export async function connectTo({ port }: { readonly port: number }, name = "worker-1") {
  const { purpose, handshakeTimeoutMs: timeoutMs } = ATLS_TERMS;
  const terms = { purpose, timeoutMs, attester: attesterNamed(name), appraiser: nameAppraiser };
  return await connectAtls({ host: "127.0.0.1", port, ...terms }, NEVER);
}
