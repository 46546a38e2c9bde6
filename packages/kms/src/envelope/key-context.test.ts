import assert from "node:assert/strict";
import { test } from "node:test";
import { fromUtf8, utf8 } from "@constellation/bytes";
import { KmsError } from "../error.ts";
import { formatKeyContext, parseKeyContext } from "./key-context.ts";

const clusterId = new Uint8Array(32).fill(0xab);
const keyId = { namespace: "volume", id: "pvc-1" } as const;

test("formatKeyContext() gives the text of the specification, and parseKeyContext() reads it back", () => {
  const data = formatKeyContext({ clusterId, keyId });
  assert.equal(fromUtf8(data), `constellation/v1/wrapped-key/${"ab".repeat(32)}/volume/pvc-1`);
  assert.deepEqual(parseKeyContext(data), { clusterId, keyId });
});

test("formatKeyContext() refuses a cluster ID of another length", () => {
  const format = () => formatKeyContext({ clusterId: new Uint8Array(31), keyId });
  assert.throws(format, (error) => error instanceof KmsError && error.code === "request_invalid");
});

test("parseKeyContext() gives undefined for all else", () => {
  const good = fromUtf8(formatKeyContext({ clusterId, keyId }));
  for (const text of ["", "constellation/v1/probe", good.replace("v1", "v2"), `${good}/x`, good.replace("ab", "AB")]) {
    assert.equal(parseKeyContext(utf8(text)), undefined, text);
  }
  assert.equal(parseKeyContext(Uint8Array.of(0xff)), undefined);
});
