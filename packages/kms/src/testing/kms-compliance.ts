import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { hex, utf8 } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { formatEnvelope, parseEnvelope } from "../envelope/format.ts";
import { formatKeyContext } from "../envelope/key-context.ts";
import { isTransient, KmsError, type KmsErrorCode } from "../error.ts";
import type { KeyManagementService, KmsKind } from "../key-wrapper.ts";
import type { Fault } from "./faults.ts";

/** A running KMS, and ways to make it fail. What a KMS can't do is not there. */
export interface KmsUnderTest {
  readonly kind: KmsKind;
  /** With the right credentials and key. */
  readonly kms: KeyManagementService;
  /** The same KMS with another key. */
  readonly otherKey?: KeyManagementService;
  readonly wrongCredentials?: KeyManagementService;
  readonly missingKey?: KeyManagementService;
  /** The same, with little patience, and what goes wrong on its way. */
  readonly faulty?: { readonly kms: KeyManagementService; readonly set: (fault: Fault) => void };
  readonly lies?: readonly LieTest[];
  readonly disable?: () => Promise<void>;
  readonly enable?: () => Promise<void>;
  readonly destroy?: () => Promise<void>;
  /** The code for a content key that does not open, where the KMS does not say that it is the key's fault. */
  readonly corruptCode?: KmsErrorCode;
  /** How often each position of an envelope is changed, or every how many positions where one change costs long. */
  readonly flipEvery?: number;
  readonly stop: () => Promise<void>;
}

/** An answer that says something false. */
export interface LieTest {
  readonly title: string;
  readonly during: "wrap" | "unwrap";
  readonly code: KmsErrorCode;
  /** Begins the lie; what it gives ends it. */
  readonly begin: () => () => void;
}

/** Refusals that say that a wrapped key itself is wrong, as far as a KMS can tell. */
const REFUSALS: ReadonlySet<KmsErrorCode> = new Set([
  "wrapped_key_corrupt",
  "wrapped_key_version",
  "wrong_cluster",
  "wrong_key_id",
  "wrong_kms",
  "kms_answer",
  "kms_denied",
  "kms_key_missing",
]);

const CLUSTER = new Uint8Array(32).fill(7);
const context = (id: string, clusterId = CLUSTER): Uint8Array =>
  formatKeyContext({ clusterId, keyId: { namespace: "volume", id } });
const DATA = context("a");
const SECRET = new Secret(Uint8Array.from({ length: 32 }, (_, index) => index));

/** Not `Required`: most KMSs say what is wrong. */
function corruptCode({ corruptCode: code }: { readonly corruptCode?: KmsErrorCode }): KmsErrorCode {
  return code ?? "wrapped_key_corrupt";
}

/** Whether an error is of one of these codes, has a hint, and keeps the secret to itself. */
function coded(...codes: readonly KmsErrorCode[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KmsError, String(error));
    assert.ok(codes.includes(error.code), `got ${error.code}: ${error.message}, wanted ${codes.join(" or ")}`);
    assert.ok(error.hint.length > 0);
    return true;
  };
}

/** What every KMS must do and refuse; `start` runs once, before all, and gives the parts in `has`. */
export function kmsCompliance<K extends keyof KmsUnderTest>(
  name: string,
  has: readonly K[],
  start: () => Promise<KmsUnderTest & Required<Pick<KmsUnderTest, K>>>,
): void {
  const { signal } = new AbortController();
  // Parts that are not there are not touched: their tests are not made.
  let under: Required<KmsUnderTest>;
  let wrapped: Uint8Array;

  const testIf = (part: keyof KmsUnderTest, title: string, run: () => Promise<void>): void => {
    if (has.some((name) => name === part)) void test(title, run);
  };

  describe(name, () => {
    before(async () => {
      under = (await start()) as unknown as Required<KmsUnderTest>;
      wrapped = await under.kms.wrap(SECRET, DATA, signal);
    });
    after(() => under?.stop());

    test("wrap() and unwrap() give the secret back, each time wrapped in another way", async () => {
      assert.ok((await under.kms.unwrap(wrapped, DATA, signal)).equals(SECRET));
      const again = await under.kms.wrap(SECRET, DATA, signal);
      assert.notEqual(hex(again), hex(wrapped));
      assert.ok((await under.kms.unwrap(again, DATA, signal)).equals(SECRET));
      assert.equal(parseEnvelope(wrapped).kind, under.kind);
    });

    test("wrap() takes secrets of 1 to 4096 bytes and no others", async () => {
      for (const length of [1, 128, 4096]) {
        const secret = new Secret(new Uint8Array(length).fill(length));
        assert.ok((await under.kms.unwrap(await under.kms.wrap(secret, DATA, signal), DATA, signal)).equals(secret));
      }
      for (const length of [0, 4097]) {
        await assert.rejects(
          under.kms.wrap(new Secret(new Uint8Array(length)), DATA, signal),
          coded("request_invalid"),
        );
      }
    });

    test("wrap() refuses associated data that is empty or too long", async () => {
      for (const data of [new Uint8Array(), utf8("x".repeat(1025))]) {
        const refused = under.kms.wrap(SECRET, data, signal);
        await assert.rejects(refused, (error) => error instanceof KmsError && !isTransient(error));
      }
    });

    test("unwrap() refuses a key of another ID and of another cluster", async () => {
      await assert.rejects(under.kms.unwrap(wrapped, context("b"), signal), coded("wrong_key_id"));
      const otherCluster = context("a", new Uint8Array(32).fill(8));
      await assert.rejects(under.kms.unwrap(wrapped, otherCluster, signal), coded("wrong_cluster"));
    });

    test("unwrap() refuses an envelope whose associated data was replaced to fit", async () => {
      const other = context("b");
      const at = Buffer.from(wrapped).indexOf(DATA);
      const replaced = Uint8Array.from(wrapped);
      replaced.set(other, at);
      await assert.rejects(under.kms.unwrap(replaced, other, signal), coded(corruptCode(under)));
    });

    test("unwrap() refuses another's content key in an envelope", async () => {
      const other = await under.kms.wrap(SECRET, DATA, signal);
      const [mine, theirs] = [parseEnvelope(wrapped), parseEnvelope(other)];
      const mixed = formatEnvelope({ ...mine, wrappedKey: theirs.wrappedKey });
      await assert.rejects(under.kms.unwrap(mixed, DATA, signal), coded("wrapped_key_corrupt"));
    });

    test("unwrap() refuses an envelope with any byte changed, cut or added", async () => {
      for (let at = 0; at < wrapped.length; at += (under.flipEvery as number | undefined) ?? 1) {
        const changed = Uint8Array.from(wrapped);
        changed[at] = (changed[at] as number) ^ 0x01;
        await assert.rejects(under.kms.unwrap(changed, DATA, signal), coded(...REFUSALS), `byte ${at}`);
      }
      for (const length of [0, 5, 40, wrapped.length - 33, wrapped.length - 1]) {
        await assert.rejects(under.kms.unwrap(wrapped.subarray(0, length), DATA, signal), coded(...REFUSALS));
      }
      const longer = Uint8Array.from([...wrapped, 0]);
      await assert.rejects(under.kms.unwrap(longer, DATA, signal), coded("wrapped_key_corrupt"));
    });

    test("status() says that the key is there and what it may do", async () => {
      const { errors, key, ...rest } = await under.kms.status(signal);
      assert.deepEqual(errors, []);
      assert.equal(key.state, "enabled");
      assert.deepEqual(rest, { reachable: true, mayWrap: true, mayUnwrap: true });
    });

    test("calls end at once when the caller says so", async () => {
      const reason = new Error("enough");
      await assert.rejects(under.kms.wrap(SECRET, DATA, AbortSignal.abort(reason)), coded("cancelled"));
      await assert.rejects(under.kms.unwrap(wrapped, DATA, AbortSignal.abort(reason)), coded("cancelled"));
    });

    testIf("otherKey", "unwrap() refuses what another key wrapped", async () => {
      await assert.rejects(
        under.otherKey.unwrap(wrapped, DATA, signal),
        coded("wrong_kms", "wrapped_key_corrupt", "kms_denied", "kms_key_missing"),
      );
    });

    testIf("wrongCredentials", "wrong credentials are refused, and status() says so", async () => {
      await assert.rejects(under.wrongCredentials.wrap(SECRET, DATA, signal), coded("kms_denied"));
      await assert.rejects(under.wrongCredentials.unwrap(wrapped, DATA, signal), coded("kms_denied"));
      const { reachable, mayWrap, mayUnwrap, errors } = await under.wrongCredentials.status(signal);
      assert.deepEqual({ reachable, mayWrap, mayUnwrap }, { reachable: true, mayWrap: false, mayUnwrap: false });
      assert.deepEqual([...new Set(errors.map(({ code }) => code))], ["kms_denied"]);
    });

    testIf("missingKey", "a missing key is told, and status() says so", async () => {
      await assert.rejects(under.missingKey.wrap(SECRET, DATA, signal), coded("kms_key_missing"));
      assert.equal((await under.missingKey.status(signal)).key.state, "missing");
    });

    testIf("faulty", "a KMS that does not answer, or not as one, is told within bounds", async () => {
      const { kms, set } = under.faulty;
      const cases: readonly [Fault, readonly KmsErrorCode[]][] = [
        ["refused", ["kms_unreachable"]],
        ["silent", ["kms_timeout"]],
        ["truncated", ["kms_unreachable", "kms_answer"]],
        ["endless", ["kms_answer"]],
        ["garbage", ["kms_answer"]],
        ["redirect", ["kms_answer"]],
      ];
      for (const [fault, codes] of cases) {
        set(fault);
        await assert.rejects(kms.wrap(SECRET, DATA, signal), coded(...codes), fault);
        await assert.rejects(kms.unwrap(wrapped, DATA, signal), coded(...codes), fault);
      }
      set("refused");
      assert.equal((await kms.status(signal)).reachable, false);
      set("none");
      assert.ok((await kms.unwrap(wrapped, DATA, signal)).equals(SECRET));
    });

    testIf("lies", "an answer that lies is refused", async () => {
      for (const { title, during, code, begin } of under.lies) {
        const end = begin();
        const { kms } = under.faulty;
        const run = during === "wrap" ? kms.wrap(SECRET, DATA, signal) : kms.unwrap(wrapped, DATA, signal);
        await assert.rejects(run, coded(code), title);
        end();
      }
      assert.ok((await under.faulty.kms.unwrap(wrapped, DATA, signal)).equals(SECRET));
    });

    testIf("enable", "a disabled key does nothing, and opens all again when it is enabled", async () => {
      await under.disable();
      await assert.rejects(under.kms.wrap(SECRET, DATA, signal), coded("kms_key_disabled"));
      await assert.rejects(under.kms.unwrap(wrapped, DATA, signal), coded("kms_key_disabled"));
      const { key, mayWrap } = await under.kms.status(signal);
      assert.deepEqual({ state: key.state, mayWrap }, { state: "disabled", mayWrap: false });
      await under.enable();
      assert.ok((await under.kms.unwrap(wrapped, DATA, signal)).equals(SECRET));
    });

    // Last: nothing opens after it.
    testIf("destroy", "a destroyed key opens nothing", async () => {
      await under.destroy();
      await assert.rejects(under.kms.unwrap(wrapped, DATA, signal), coded("kms_key_missing", "kms_key_disabled"));
    });
  });
}
