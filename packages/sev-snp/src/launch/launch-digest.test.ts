import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { hex } from "@constellation/bytes";
import { LaunchDigest, PAGE_TYPE } from "./launch-digest.ts";

const sha384 = (...parts: readonly Uint8Array[]) => {
  const state = createHash("sha384");
  for (const part of parts) state.update(part);
  return new Uint8Array(state.digest());
};

/** PAGE_INFO after both digests, as it stands in the specification. */
function tail(type: number, gpa: readonly number[]): Uint8Array {
  return Uint8Array.of(0x70, 0, type, 0, 0, 0, 0, 0, ...gpa);
}

test("LaunchDigest starts with zeros or where it is told", () => {
  assert.deepEqual(new LaunchDigest().value, new Uint8Array(48));
  assert.deepEqual(new LaunchDigest(new Uint8Array(48).fill(1)).value, new Uint8Array(48).fill(1));
});

test("LaunchDigest.addNormalPages() chains the digest of each page with its address", () => {
  const data = new Uint8Array(8192).map((_, index) => (index < 4096 ? 1 : 2));
  const launch = new LaunchDigest();
  launch.addNormalPages(0xffff_e000, data);
  const first = sha384(
    new Uint8Array(48),
    sha384(data.subarray(0, 4096)),
    tail(1, [0x00, 0xe0, 0xff, 0xff, 0, 0, 0, 0]),
  );
  const second = sha384(first, sha384(data.subarray(4096)), tail(1, [0x00, 0xf0, 0xff, 0xff, 0, 0, 0, 0]));
  assert.equal(hex(launch.value), hex(second));
});

test("LaunchDigest.addVmsaPage() takes the digest of the page", () => {
  const launch = new LaunchDigest();
  const contents = new Uint8Array(48).fill(3);
  launch.addVmsaPage(0xf_ffff_ffff_f000n, contents);
  const wanted = sha384(new Uint8Array(48), contents, tail(2, [0x00, 0xf0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]));
  assert.equal(hex(launch.value), hex(wanted));
});

test("LaunchDigest.addContentlessPages() chains addresses alone", () => {
  for (const type of [PAGE_TYPE.ZERO, PAGE_TYPE.UNMEASURED, PAGE_TYPE.SECRETS, PAGE_TYPE.CPUID]) {
    const launch = new LaunchDigest();
    launch.addContentlessPages(type, 0x9000, 8192);
    const first = sha384(new Uint8Array(96), tail(type, [0x00, 0x90, 0, 0, 0, 0, 0, 0]));
    const second = sha384(first, new Uint8Array(48), tail(type, [0x00, 0xa0, 0, 0, 0, 0, 0, 0]));
    assert.equal(hex(launch.value), hex(second));
  }
});
