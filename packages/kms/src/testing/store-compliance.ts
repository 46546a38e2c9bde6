import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { KmsError, type KmsErrorCode } from "../error.ts";
import { MAX_WRAPPED_BYTES, type WrappedKeyStore } from "../store/wrapped-key-store.ts";
import type { Fault } from "./faults.ts";

/** A running store, empty, and ways to make it fail. What a store can't do is not there. */
export interface StoreUnderTest {
  readonly store: WrappedKeyStore;
  /** The same store by another client: another control plane. */
  readonly other: WrappedKeyStore;
  /** The same bucket, under another prefix. */
  readonly otherPrefix?: WrappedKeyStore;
  readonly wrongCredentials?: WrappedKeyStore;
  readonly missingBucket?: WrappedKeyStore;
  readonly faulty?: { readonly store: WrappedKeyStore; readonly set: (fault: Fault) => void };
  readonly stop: () => Promise<void>;
}

const RACERS = 8;

function coded(...codes: readonly KmsErrorCode[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof KmsError, String(error));
    assert.ok(codes.includes(error.code), `got ${error.code}: ${error.message}, wanted ${codes.join(" or ")}`);
    return true;
  };
}

/** What every store must do and refuse; `start` runs once, before all, and gives the parts in `has`. */
export function storeCompliance<K extends keyof StoreUnderTest>(
  name: string,
  has: readonly K[],
  start: () => Promise<StoreUnderTest & Required<Pick<StoreUnderTest, K>>>,
): void {
  const { signal } = new AbortController();
  const bytes = (value: number, length = 300): Uint8Array => new Uint8Array(length).fill(value);
  // Parts that are not there are not touched: their tests are not made.
  let under: Required<StoreUnderTest>;

  const testIf = (part: keyof StoreUnderTest, title: string, run: () => Promise<void>): void => {
    if (has.some((name) => name === part)) void test(title, run);
  };

  describe(name, () => {
    before(async () => {
      under = (await start()) as unknown as Required<StoreUnderTest>;
    });
    after(() => under?.stop());

    test("get() gives what putIfAbsent() kept, to every client", async () => {
      assert.equal(await under.store.get("get/a", signal), undefined);
      assert.equal(await under.store.putIfAbsent("get/a", bytes(1), signal), true);
      assert.deepEqual(new Uint8Array((await under.other.get("get/a", signal)) as Uint8Array), bytes(1));
    });

    test("putIfAbsent() keeps the first, and takes all sizes within bounds", async () => {
      assert.equal(await under.store.putIfAbsent("put/a", bytes(1), signal), true);
      assert.equal(await under.other.putIfAbsent("put/a", bytes(2), signal), false);
      assert.deepEqual(new Uint8Array((await under.store.get("put/a", signal)) as Uint8Array), bytes(1));
      assert.equal(await under.store.putIfAbsent("put/greatest", bytes(3, MAX_WRAPPED_BYTES), signal), true);
      assert.equal((await under.store.get("put/greatest", signal))?.length, MAX_WRAPPED_BYTES);
      assert.equal(await under.store.putIfAbsent("put/least", bytes(3, 1), signal), true);
      for (const length of [0, MAX_WRAPPED_BYTES + 1]) {
        await assert.rejects(under.store.putIfAbsent("put/no", bytes(1, length), signal), coded("request_invalid"));
      }
    });

    test("putIfAbsent() lets one of several win, and the store has its bytes", async () => {
      const racers = Array.from({ length: RACERS }, (_, index) => (index % 2 === 0 ? under.store : under.other));
      const won = await Promise.all(racers.map((store, index) => store.putIfAbsent("race/a", bytes(index), signal)));
      assert.equal(won.filter(Boolean).length, 1);
      const kept = (await under.store.get("race/a", signal)) as Uint8Array;
      assert.deepEqual(new Uint8Array(kept), bytes(won.indexOf(true)));
    });

    test("list() gives IDs of a prefix, sorted", async () => {
      for (const id of ["list/b", "list/a", "list/c/d", "listing"]) await under.store.putIfAbsent(id, bytes(1), signal);
      assert.deepEqual(await under.other.list("list/", signal), ["list/a", "list/b", "list/c/d"]);
      assert.deepEqual(await under.store.list("nothing/", signal), []);
    });

    test("delete() removes, and does not mind when there is nothing", async () => {
      await under.store.putIfAbsent("delete/a", bytes(1), signal);
      await under.other.delete("delete/a", signal);
      await under.store.delete("delete/a", signal);
      assert.equal(await under.store.get("delete/a", signal), undefined);
      assert.equal(await under.store.putIfAbsent("delete/a", bytes(2), signal), true);
    });

    test("IDs that could mean something else are refused", async () => {
      for (const id of ["", "/a", "a/", "a//b", "../a", "a/..", "a b", "a?b", "a%2fb", "a&b", "ä", "a".repeat(401)]) {
        await assert.rejects(under.store.get(id, signal), coded("request_invalid"), id);
        await assert.rejects(under.store.putIfAbsent(id, bytes(1), signal), coded("request_invalid"), id);
        await assert.rejects(under.store.delete(id, signal), coded("request_invalid"), id);
      }
    });

    testIf("otherPrefix", "another prefix has other keys", async () => {
      await under.store.putIfAbsent("prefix/a", bytes(1), signal);
      assert.equal(await under.otherPrefix.get("prefix/a", signal), undefined);
      assert.deepEqual(await under.otherPrefix.list("", signal), []);
    });

    testIf("wrongCredentials", "wrong credentials are refused", async () => {
      const { wrongCredentials: store } = under;
      await assert.rejects(store.get("get/a", signal), coded("store_denied"));
      await assert.rejects(store.putIfAbsent("denied/a", bytes(1), signal), coded("store_denied"));
      await assert.rejects(store.list("", signal), coded("store_denied"));
      await assert.rejects(store.delete("get/a", signal), coded("store_denied"));
    });

    testIf("missingBucket", "a missing bucket is told, and is no missing key", async () => {
      await assert.rejects(under.missingBucket.putIfAbsent("a", bytes(1), signal), coded("store_missing"));
      await assert.rejects(under.missingBucket.list("", signal), coded("store_missing"));
    });

    testIf("faulty", "a store that does not answer, or not as one, is told within bounds", async () => {
      const { store, set } = under.faulty;
      await under.store.putIfAbsent("faulty/a", bytes(1), signal);
      const cases: readonly [Fault, readonly KmsErrorCode[]][] = [
        ["refused", ["store_unreachable"]],
        ["silent", ["store_timeout"]],
        ["truncated", ["store_unreachable", "store_answer"]],
        ["endless", ["store_answer"]],
        ["redirect", ["store_answer"]],
      ];
      for (const [fault, codes] of cases) {
        set(fault);
        await assert.rejects(store.get("faulty/a", signal), coded(...codes), fault);
        await assert.rejects(store.list("faulty/", signal), coded(...codes), fault);
      }
      set("none");
      assert.deepEqual(new Uint8Array((await store.get("faulty/a", signal)) as Uint8Array), bytes(1));
    });
  });
}
