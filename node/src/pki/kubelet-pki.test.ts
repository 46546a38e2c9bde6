import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { writeKubeletIdentity } from "./kubelet-pki.ts";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
const KEY = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";

for (const [what, ending] of [
  ["with", "\n"],
  ["without", ""],
] as const) {
  test(`writeKubeletIdentity() keeps PEM blocks apart for a certificate ${what} a last newline`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), "kubelet-pki-"));
    t.after(() => rm(directory, { recursive: true }));
    await writeKubeletIdentity(directory, { certificatePem: CERTIFICATE + ending, privateKeyPem: KEY });
    const pair = await readFile(join(directory, "kubelet-client-current.pem"), "utf8");
    assert.equal(pair, `${CERTIFICATE}\n${KEY}`);
  });
}
