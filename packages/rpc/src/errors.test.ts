import assert from "node:assert/strict";
import { test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import { CODE_METADATA, fromConnectError, RpcError, toConnectError } from "./errors.ts";
import { DiskError } from "./test-support.ts";

test("toConnectError() gives a coded error the status of its code, and carries code and message", () => {
  const error = toConnectError(new DiskError('Check disk failed: got "a", wanted "b"'), {
    "wrong-disk": "permission-denied",
  });
  assert.equal(error.code, Code.PermissionDenied);
  assert.equal(error.rawMessage, 'Check disk failed: got "a", wanted "b"');
  assert.equal(error.metadata.get(CODE_METADATA), "wrong-disk");
});

test("toConnectError() gives a coded error that is not listed as internal, with its code", () => {
  const error = toConnectError(new DiskError("x"), { "other-disk": "unavailable" });
  assert.equal(error.code, Code.Internal);
  assert.equal(error.metadata.get(CODE_METADATA), "wrong-disk");
});

test("toConnectError() says nothing about a foreign error", () => {
  for (const foreign of [new Error("password=hunter2"), "hunter2", Object.assign(new Error("x"), { code: "ENOENT" })]) {
    const error = toConnectError(foreign);
    assert.equal(error.code, Code.Internal);
    assert.equal(error.rawMessage, "internal error");
    assert.equal(error.metadata.get(CODE_METADATA), null);
  }
});

test("toConnectError() keeps the status of a ConnectError and of an RpcError", () => {
  const connectError = new ConnectError("x", Code.NotFound);
  assert.equal(toConnectError(connectError), connectError);
  assert.equal(toConnectError(new RpcError("not-found", "x")).code, Code.NotFound);
});

test("fromConnectError() gives status and code back", () => {
  const there = toConnectError(new DiskError("x"), { "wrong-disk": "permission-denied" });
  const back = fromConnectError(there);
  assert.equal(back.code, "permission-denied");
  assert.equal(back.remoteCode, "wrong-disk");
  assert.equal(back.message, "x");
  assert.equal(back.cause, there);
  assert.equal(fromConnectError(back), back);
});

test("fromConnectError() drops a code that has not the shape of one", () => {
  const error = new ConnectError("x", Code.Unknown, { [CODE_METADATA]: "Wrong Disk!" });
  assert.equal(fromConnectError(error).remoteCode, undefined);
});
