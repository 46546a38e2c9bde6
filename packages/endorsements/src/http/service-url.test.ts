import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal } from "../testing/errors.ts";
import { serviceUrl } from "./service-url.ts";

test("serviceUrl() takes https anywhere and http on this machine", () => {
  assert.equal(serviceUrl("https://pccs.example:8081"), "https://pccs.example:8081");
  assert.equal(serviceUrl("https://mirror.example/kds///"), "https://mirror.example/kds");
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "[::1]"]) {
    assert.equal(serviceUrl(`http://${host}:8081/`), `http://${host}:8081`);
  }
});

test("serviceUrl() refuses http to other machines, and other schemes", () => {
  for (const url of [
    "http://pccs.example",
    "http://127.0.0.1.example",
    "http://localhost.example",
    "http://10.0.0.1",
    "http://[::2]",
    "file:///etc/passwd",
    "ftp://localhost",
    "pccs.example",
    "",
  ]) {
    assert.throws(() => serviceUrl(url), refusal("url_refused"), url);
  }
});

test("serviceUrl() refuses passwords, and does not tell them", () => {
  for (const url of ["https://user:secret@pccs.example", "https://user@pccs.example", "https://:secret@pccs.example"]) {
    assert.throws(
      () => serviceUrl(url),
      (error: Error) => refusal("url_refused", "without user")(error) && !error.message.includes("secret"),
    );
  }
});

test("serviceUrl() refuses a query or a fragment", () => {
  assert.throws(() => serviceUrl("https://pccs.example/?a=b"), refusal("url_refused", "without query"));
  assert.throws(() => serviceUrl("https://pccs.example/#a"), refusal("url_refused", "without query"));
});
