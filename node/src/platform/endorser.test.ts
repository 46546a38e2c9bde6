import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseEvidence, serializeEvidence } from "@constellation/attestation";
import type { EndorsementSource } from "@constellation/endorsements";
import { FakeAmd, genuine } from "@constellation/sev-snp/testing";
import { patientEndorser } from "./endorser.ts";

const signal = new AbortController().signal;
const { report } = genuine(new FakeAmd("Milan"), {});
const sevSnp = { report, endorsementCert: Uint8Array.of(1), caChain: [Uint8Array.of(2)], crls: [] };
const evidence = serializeEvidence({ variant: "sev-snp", sevSnp });

describe("patientEndorser()", () => {
  test("adds what the vendor has, and leaves a vendor alone for a while that does not answer", async () => {
    let now = 0;
    let calls = 0;
    let answers = false;
    const source: EndorsementSource = {
      sevSnp: async () => {
        calls++;
        if (!answers) throw new Error("no network");
        return { caChain: [], crls: [Uint8Array.of(3)] };
      },
      tdx: () => Promise.reject(new Error("no TDX here")),
    };
    const warnings: unknown[] = [];
    const endorse = patientEndorser(source, { warn: (...line: unknown[]) => warnings.push(line) }, () => now);
    assert.deepEqual(await endorse(evidence, signal), evidence);
    answers = true;
    assert.deepEqual(await endorse(evidence, signal), evidence);
    assert.equal(calls, 1);
    assert.match(JSON.stringify(warnings), /no network/);
    now += 60_000;
    const endorsed = parseEvidence(await endorse(evidence, signal));
    assert.ok(endorsed.variant === "sev-snp");
    assert.deepEqual(endorsed.sevSnp.crls, [Uint8Array.of(3)]);
  });
});
