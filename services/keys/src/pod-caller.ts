import type { TokenReviewStatus } from "@constellation/kube/in-cluster";
import { KeyServiceError } from "./errors.ts";

/** Audience of the tokens that pods show here: a token for the API server, or for anything else, opens nothing. */
export const TOKEN_AUDIENCE = "key-service.constellation.internal";

/** A pod that has shown whose it is. */
export interface PodCaller {
  /** The service that runs in the pod. */
  readonly caller: string;
  readonly pod: string;
  readonly podUid: string;
  readonly node: string;
}

/** Which service account is which caller. Exact names: who else has a token of this cluster gets nothing (T8). */
const CALLERS: ReadonlyMap<string, string> = new Map([
  ["system:serviceaccount:kube-system:csi", "csi"],
  ["system:serviceaccount:kube-system:s3proxy", "s3proxy"],
]);

const POD_NAME = "authentication.kubernetes.io/pod-name";
const POD_UID = "authentication.kubernetes.io/pod-uid";
const NODE_NAME = "authentication.kubernetes.io/node-name";

/**
 * Decides who a pod is by what the API server says of its token: valid, for this service, bound to a pod that is there
 * and on a node, of a service account in the table.
 * @throws KeyServiceError `token_refused`, `token_audience`, `token_unbound`, `caller_unknown`
 */
export function podCallerOf({ authenticated, audiences, user }: TokenReviewStatus): PodCaller {
  if (authenticated !== true || user === undefined) {
    throw refusal("token_refused", "got a token that the API server does not know", "a valid one");
  }
  // An API server that knows no audiences would answer without them: the token would count for anything.
  if (audiences?.includes(TOKEN_AUDIENCE) !== true) {
    throw refusal("token_audience", "got a token for another audience", `"${TOKEN_AUDIENCE}"`);
  }
  const caller = CALLERS.get(user.username ?? "");
  if (caller === undefined) {
    const wanted = [...CALLERS.keys()].map((name) => `"${name}"`).join(" or ");
    throw refusal("caller_unknown", `got user ${JSON.stringify((user.username ?? "").slice(0, 120))}`, wanted);
  }
  const [pod, podUid, node] = [POD_NAME, POD_UID, NODE_NAME].map((name) => only(user.extra?.[name]));
  if (pod === undefined || podUid === undefined || node === undefined) {
    throw refusal(
      "token_unbound",
      "got a token that is bound to no pod on a node",
      "one that was projected into a pod",
    );
  }
  return { caller, pod, podUid, node };
}

function only(values: readonly string[] | undefined): string | undefined {
  return values?.length === 1 && values[0] !== "" ? values[0] : undefined;
}

function refusal(
  code: "token_refused" | "token_audience" | "token_unbound" | "caller_unknown",
  got: string,
  wanted: string,
): KeyServiceError {
  return new KeyServiceError(code, `Authenticate pod failed: ${got}, wanted ${wanted}`);
}
