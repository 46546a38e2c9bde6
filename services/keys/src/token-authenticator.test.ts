import assert from "node:assert/strict";
import { test } from "node:test";
import type { TokenReviewStatus } from "@constellation/kube/in-cluster";
import { TOKEN_AUDIENCE } from "./pod-caller.ts";
import { TokenAuthenticator } from "./token-authenticator.ts";

const user = {
  username: "system:serviceaccount:kube-system:csi",
  extra: {
    "authentication.kubernetes.io/pod-name": ["csi-1"],
    "authentication.kubernetes.io/pod-uid": ["uid-1"],
    "authentication.kubernetes.io/node-name": ["worker-0"],
  },
};
const YES: TokenReviewStatus = { authenticated: true, audiences: [TOKEN_AUDIENCE], user };
const NO: TokenReviewStatus = { authenticated: false };

/** A header with a token that ends so many seconds after the epoch. */
function header(expires = 3_600, id = ""): string {
  const part = (text: string): string => Buffer.from(text).toString("base64url");
  return `Bearer ${part("{}")}.${part(JSON.stringify({ exp: expires, id }))}.${part("s")}`;
}

class Setting {
  nowMs = 0;
  answer: () => Promise<TokenReviewStatus> = async () => YES;
  readonly asked: { token: string; audiences: readonly string[] }[] = [];
  readonly authenticator = new TokenAuthenticator({
    review: (token, audiences) => {
      this.asked.push({ token, audiences });
      return this.answer();
    },
    now: () => new Date(this.nowMs),
    monotonicMs: () => this.nowMs,
  });

  ask(text: string | null = header(), remote = "10.0.0.1") {
    return this.authenticator.authenticate(text, remote);
  }
}

test("TokenAuthenticator asks the API server for this service's audience", async () => {
  const setting = new Setting();
  assert.equal((await setting.ask()).node, "worker-0");
  assert.deepEqual(setting.asked, [{ token: header().slice("Bearer ".length), audiences: [TOKEN_AUDIENCE] }]);
});

test("TokenAuthenticator remembers a yes for a minute", async () => {
  const setting = new Setting();
  await setting.ask();
  setting.nowMs = 59_999;
  await setting.ask();
  assert.equal(setting.asked.length, 1);
  setting.nowMs = 60_000;
  await setting.ask();
  assert.equal(setting.asked.length, 2);
});

test("TokenAuthenticator remembers a yes no longer than the token lasts", async () => {
  const setting = new Setting();
  await setting.ask(header(10));
  setting.nowMs = 10_000;
  setting.answer = async () => NO;
  await assert.rejects(setting.ask(header(10)), { code: "token_refused" });
});

test("TokenAuthenticator remembers no refusal", async () => {
  const setting = new Setting();
  setting.answer = async () => NO;
  await assert.rejects(setting.ask(), { code: "token_refused" });
  setting.answer = async () => YES;
  await setting.ask();
  assert.equal(setting.asked.length, 2);
});

test("TokenAuthenticator takes another token for another", async () => {
  const setting = new Setting();
  await setting.ask();
  setting.answer = async () => NO;
  await assert.rejects(setting.ask(header(3_600, "other")), { code: "token_refused" });
});

test("TokenAuthenticator asks once for callers that come at once", async () => {
  const setting = new Setting();
  const { promise, resolve } = Promise.withResolvers<TokenReviewStatus>();
  setting.answer = () => promise;
  const callers = [setting.ask(), setting.ask()];
  resolve(YES);
  await Promise.all(callers);
  assert.equal(setting.asked.length, 1);
});

test("TokenAuthenticator refuses while the API server can't be asked", async () => {
  const setting = new Setting();
  setting.answer = () => Promise.reject(new Error("unreachable"));
  await assert.rejects(setting.ask(), { code: "token_review_unavailable" });
  setting.answer = async () => YES;
  await setting.ask();
});

test("TokenAuthenticator bounds new tokens by where they come from", async () => {
  const setting = new Setting();
  setting.answer = async () => NO;
  const refused = { code: "token_refused" };
  for (let id = 0; id < 30; id++) await assert.rejects(setting.ask(header(3_600, String(id))), refused);
  await assert.rejects(setting.ask(header(3_600, "next")), { code: "too_many_requests" });
  await assert.rejects(setting.ask(header(3_600, "next"), "10.0.0.2"), refused);
  setting.nowMs = 200;
  await assert.rejects(setting.ask(header(3_600, "next")), refused);
  assert.equal(setting.asked.length, 32);
});

test("TokenAuthenticator bounds the reviews under way", async () => {
  const setting = new Setting();
  const { promise, resolve } = Promise.withResolvers<TokenReviewStatus>();
  setting.answer = () => promise;
  const waiting = Array.from({ length: 32 }, (_, id) => setting.ask(header(3_600, String(id)), `10.0.0.${id}`));
  await assert.rejects(setting.ask(header(3_600, "next"), "10.0.1.1"), { code: "busy" });
  resolve(YES);
  await Promise.all(waiting);
  await setting.ask(header(3_600, "next"), "10.0.1.1");
});

test("TokenAuthenticator remembers no more than its bound", async () => {
  const setting = new Setting();
  for (let id = 0; id <= 1_024; id++) await setting.ask(header(3_600, String(id)), `10.1.${id >> 8}.${id & 255}`);
  await setting.ask(header(3_600, "1024"));
  assert.equal(setting.asked.length, 1_025);
  await setting.ask(header(3_600, "0"));
  assert.equal(setting.asked.length, 1_026);
});
