import assert from "node:assert/strict";
import { test } from "node:test";
import { readTestCase } from "../cases.ts";
import { flipCase } from "./flip.ts";

/**
 * A good case for each kind, and for each format and product where they are judged by other code; and the parts to look
 * at where others of the same kind have them all. All bits of a byte at once: `make flips` does the rest.
 */
const CASES: readonly (readonly [id: string, parts?: readonly string[]])[] = [
  ["sev-snp/milan-v2-virtee"],
  ["sev-snp/milan-v3-vlek-aws"],
  ["sev-snp/genoa-v5-evidence-json", ["report", "endorsement_cert"]],
  ["sev-snp/synthetic-turin-v5", ["report", "endorsement_cert"]],
  ["sev-snp/launch-digests"],
  ["tdx/v4-dstack-report"],
  [
    "tdx/v4-emr-dcap",
    [
      "tcb_info",
      "tcb_info_issuer_chain",
      "qe_identity",
      "qe_identity_issuer_chain",
      "root_ca_crl",
      "pck_crl",
      "pck_crl_issuer_chain",
    ],
  ],
  ["tdx/v5-td15", ["quote"]],
  ["azure/hcl-snp-parse"],
  ["azure/snp-milan-v3-trustee-v1", ["hcl_report", "tpm_quote_msg", "tpm_quote_sig", "pcrs"]],
  ["azure/tdx-trustee-v1", ["hcl_report", "tpm_quote_msg", "tpm_quote_sig", "pcrs"]],
  ["gcp-tpm/ekcert-uca-ecc-enc"],
  ["gcp-tpm/gce-cos-85-no-nonce", ["ak_public", "ak_cert", "quote_sha256_msg", "quote_sha256_sig"]],
  ["nitro/enclave-1"],
  ["tpm-eventlogs/debian-10"],
  ["tpm-eventlogs/glinux-alex"],
  ["tpm-eventlogs/ccel-grub"],
];

for (const [id, wanted] of CASES) {
  test(`judgeCase() refuses ${id} with any byte changed that the specification protects`, (t) => {
    const masks = [0xff];
    const done = (part: string): boolean => wanted !== undefined && !wanted.includes(part);
    const parts = [...flipCase(id, readTestCase(id), { masks, done })];
    assert.deepEqual(
      parts.flatMap(({ part, findings }) => findings.map((finding) => ({ part, ...finding }))),
      [],
    );
    assert.ok(parts.some(({ refused }) => refused > 0));
    for (const { part, flips, refused } of parts) t.diagnostic(`${part}: ${refused} of ${flips} refused`);
  });
}
