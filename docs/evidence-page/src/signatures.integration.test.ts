import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { Server } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fromHex } from "@constellation/bytes";
import { importSpki, type SignatureScheme, verifySignature } from "@constellation/crypto";
import type { Browser, Page } from "playwright-core";
import { bundleForBrowser } from "./bundle.ts";
import { serve, startChromium } from "./testing/browser.ts";
import type { SignatureGlobals, SignatureGroup } from "./testing/signatures.ts";
import { VECTORS } from "./testing/vectors.ts";

/** The scheme that each file of Wycheproof is about. */
const SCHEMES: Readonly<Record<string, SignatureScheme>> = {
  "ecdsa_secp256r1_sha256_test.json": { kind: "ecdsa", hash: "sha256", encoding: "der" },
  "ecdsa_secp256r1_sha256_p1363_test.json": { kind: "ecdsa", hash: "sha256", encoding: "fixed" },
  "ecdsa_secp384r1_sha384_test.json": { kind: "ecdsa", hash: "sha384", encoding: "der" },
  "ecdsa_secp384r1_sha384_p1363_test.json": { kind: "ecdsa", hash: "sha384", encoding: "fixed" },
  "rsa_pss_4096_sha384_mgf1_48_test.json": { kind: "rsa-pss", hash: "sha384", saltLength: 48 },
  "rsa_signature_2048_sha256_test.json": { kind: "rsa-pkcs1", hash: "sha256" },
};

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKeyDer: string;
    readonly tests: readonly { readonly tcId: number; readonly msg: string; readonly sig: string }[];
  }[];
}

let browser: Browser;
let server: Server;
let page: Page;

before(async () => {
  const { text } = await bundleForBrowser(join(import.meta.dirname, "testing/signatures.ts"), { format: "iife" });
  let url: string;
  ({ server, url } = await serve("<!doctype html><title>signatures</title>"));
  browser = await startChromium();
  page = await browser.newPage();
  await page.goto(url);
  await page.addScriptTag({ content: text });
});
after(async () => {
  await browser?.close();
  server?.close();
});

describe("verifySignature() in Chromium", () => {
  for (const [file, scheme] of Object.entries(SCHEMES)) {
    test(`answers as in Node.js for all of ${file}`, async (t) => {
      const { testGroups } = JSON.parse(readFileSync(join(VECTORS, "wycheproof", file), "utf8")) as Wycheproof;
      const counts = { valid: 0, invalid: 0 };
      for (const { publicKeyDer: spki, tests } of testGroups) {
        const key = importSpki(fromHex(spki));
        const wanted = tests.map(({ msg, sig }) => verifySignature(key, scheme, fromHex(msg), fromHex(sig)));
        const group: SignatureGroup = {
          spki,
          scheme,
          tests: tests.map(({ msg, sig }) => ({ data: msg, signature: sig })),
        };
        const got = await page.evaluate(
          (subject) => (globalThis as unknown as SignatureGlobals).verifyGroup(subject),
          group,
        );
        assert.deepEqual(got, wanted, spki);
        for (const holds of got) counts[holds ? "valid" : "invalid"] += 1;
      }
      t.diagnostic(`${counts.valid} hold, ${counts.invalid} do not`);
      assert.ok(counts.valid > 0 && counts.invalid > 0);
    });
  }
});
