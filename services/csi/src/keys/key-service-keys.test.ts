import assert from "node:assert/strict";
import { test } from "node:test";
import { keyServiceKeys } from "./key-service-keys.ts";

test("keyServiceKeys() tells with a code that there is no key", async () => {
  const keys = keyServiceKeys({
    address: "127.0.0.1:1",
    caFile: "/nonexistent/ca.crt",
    tokenFile: "/nonexistent/token",
  });
  const call = keys.get("00000000-0000-4000-8000-000000000001", 0, new AbortController().signal);
  await assert.rejects(call, { code: "key_unavailable", message: /ca\.crt/ });
  await keys.close();
});
