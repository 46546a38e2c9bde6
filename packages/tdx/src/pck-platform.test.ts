import assert from "node:assert/strict";
import { test } from "node:test";
import { hex, utf8 } from "@constellation/bytes";
import { parseQuote, pckPlatformOf } from "./index.ts";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../shared/vectors");
const quote = parseQuote(readFileSync(join(VECTORS, "azure/tdx-trustee-v1-collateral/td_quote.bin")));

test("pckPlatformOf() tells what to ask for collateral by", () => {
  const { fmspc, ca } = pckPlatformOf(quote);
  assert.deepEqual([hex(fmspc), ca], ["00806f050000", "platform"]);
});

test("pckPlatformOf() refuses a chain of another issuer, and one without", () => {
  const blocks =
    Buffer.from(quote.pckCertificateChain)
      .toString()
      .match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
  const [pck = "", , root = ""] = blocks;
  const refused = (text: string, message: RegExp): void =>
    assert.throws(() => pckPlatformOf({ pckCertificateChain: utf8(text) }), { code: "certificate_chain", message });
  refused(`${pck}\n${root}\n`, /got issuer "Intel SGX Root CA", wanted "Intel SGX PCK Platform CA" or/);
  refused(`${pck}\n`, /got issuer "none"/);
  refused("x", /Parse certificate chain failed/);
});
