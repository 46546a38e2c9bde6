import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { TpmError, type TpmErrorCode } from "./error.ts";
import { sealedPublic, validateSealedPublic } from "./sealed-object.ts";

const POLICY = new Uint8Array(32).fill(7);
const UNIQUE = new Uint8Array(32).fill(9);
const AREA = sealedPublic(POLICY, UNIQUE);
/** Type, name algorithm and attributes; the policy with its size; the scheme; the unique field with its size. */
const [POLICY_AT, SCHEME_AT, UNIQUE_AT] = [8, 8 + 34, 8 + 34 + 2] as const;

function refused(area: Uint8Array, policy: Uint8Array = POLICY): { code: TpmErrorCode; message: string } {
  try {
    validateSealedPublic(area, policy);
  } catch (error) {
    assert.ok(error instanceof TpmError, String(error));
    return { code: error.code, message: error.message };
  }
  throw new Error("it was accepted");
}

function changed(at: number): Uint8Array {
  return AREA.map((byte, index) => (index === at ? byte ^ 1 : byte));
}

describe("validateSealedPublic()", () => {
  test("takes what is sealed here, under the policy asked for", () => {
    validateSealedPublic(AREA, POLICY);
  });

  test("refuses another type, name algorithm, attribute or scheme", () => {
    const form = [...AREA.keys()].filter((at) => at < POLICY_AT || (at >= SCHEME_AT && at < UNIQUE_AT));
    assert.equal(form.length, 10);
    for (const at of form) {
      assert.deepEqual(refused(changed(at)), {
        code: "sealed_form",
        message: "Unseal failed: got an object of another form, wanted one that is sealed here",
      });
    }
  });

  test("refuses a unique field that is no SHA-256 digest", () => {
    for (const length of [0, 31]) {
      assert.equal(refused(sealedPublic(POLICY, UNIQUE.subarray(0, length))).code, "sealed_form");
    }
  });

  test("refuses an object under another policy, and says both", () => {
    for (let at = POLICY_AT + 2; at < SCHEME_AT; at++) {
      const { code, message } = refused(changed(at));
      assert.equal(code, "sealed_policy");
      assert.match(message, new RegExp(`wanted that of this boot "${"07".repeat(32)}"$`));
    }
    assert.equal(refused(AREA, UNIQUE).code, "sealed_policy");
    assert.equal(refused(sealedPublic(POLICY.subarray(0, 31), UNIQUE)).code, "sealed_policy");
  });

  test("names what is too long, cut off or more than it says", () => {
    const long = new Uint8Array(33);
    const cases: [Uint8Array, RegExp][] = [
      [sealedPublic(long, UNIQUE), /TPMT_PUBLIC\.authPolicy/],
      [sealedPublic(POLICY, long), /TPM2B_DIGEST/],
      [AREA.subarray(0, 5), /TPMT_PUBLIC\b/],
      [AREA.subarray(0, -1), /TPMT_PUBLIC\b/],
      [Uint8Array.of(...AREA, 0), /TPMT_PUBLIC\b/],
    ];
    for (const [area, message] of cases) {
      const found = refused(area);
      assert.equal(found.code, "malformed");
      assert.match(found.message, message);
    }
  });
});
