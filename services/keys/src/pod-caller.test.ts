import assert from "node:assert/strict";
import { test } from "node:test";
import type { TokenReviewStatus } from "@constellation/kube/in-cluster";
import { KeyServiceError, type KeyServiceErrorCode } from "./errors.ts";
import { podCallerOf, TOKEN_AUDIENCE } from "./pod-caller.ts";

const extra = {
  "authentication.kubernetes.io/pod-name": ["csi-1"],
  "authentication.kubernetes.io/pod-uid": ["uid-1"],
  "authentication.kubernetes.io/node-name": ["worker-0"],
};
const user = { username: "system:serviceaccount:kube-system:csi", extra };
const good: TokenReviewStatus = { authenticated: true, audiences: [TOKEN_AUDIENCE], user };

test("podCallerOf() names service, pod and node", () => {
  assert.deepEqual(podCallerOf(good), { caller: "csi", pod: "csi-1", podUid: "uid-1", node: "worker-0" });
  const s3proxy = { ...good, user: { ...user, username: "system:serviceaccount:kube-system:s3proxy" } };
  assert.equal(podCallerOf(s3proxy).caller, "s3proxy");
});

const named = (username: string): TokenReviewStatus => ({ ...good, user: { ...user, username } });
const bound = (change: object): TokenReviewStatus => ({ ...good, user: { ...user, extra: { ...extra, ...change } } });
const refused: [string, TokenReviewStatus, KeyServiceErrorCode][] = [
  ["no answer", {}, "token_refused"],
  ["a token that is not valid", { ...good, authenticated: false }, "token_refused"],
  ["a valid token of nobody", { authenticated: true, audiences: [TOKEN_AUDIENCE] }, "token_refused"],
  ["a token for no audience", { authenticated: true, user }, "token_audience"],
  ["a token for the API server", { ...good, audiences: ["https://kubernetes.default.svc"] }, "token_audience"],
  ["an account of another namespace", named("system:serviceaccount:default:csi"), "caller_unknown"],
  ["another account", named("system:serviceaccount:kube-system:default"), "caller_unknown"],
  ["an account whose name goes on", named("system:serviceaccount:kube-system:csi:x"), "caller_unknown"],
  ["a user that is no account", named("csi"), "caller_unknown"],
  ["a token of the join service", named("system:serviceaccount:kube-system:join-service"), "caller_unknown"],
  ["a token that is bound to no pod", { ...good, user: { username: user.username } }, "token_unbound"],
  ["a token without the pod's UID", bound({ "authentication.kubernetes.io/pod-uid": [] }), "token_unbound"],
  ["a token without a node", bound({ "authentication.kubernetes.io/node-name": [""] }), "token_unbound"],
  ["a token of two pods", bound({ "authentication.kubernetes.io/pod-name": ["a", "b"] }), "token_unbound"],
];
for (const [what, status, code] of refused) {
  test(`podCallerOf() refuses ${what}`, () => {
    assert.throws(
      () => podCallerOf(status),
      (error: unknown) => error instanceof KeyServiceError && error.code === code,
    );
  });
}
