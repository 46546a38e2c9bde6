import assert from "node:assert/strict";
import { test } from "node:test";
import { about, type Check, verdictOf } from "@constellation/verdict";
import { formatVerdict } from "./format-verdict.ts";
import { requireAccepted, type Verdict } from "./verdict.ts";

const evidence = about("hardware.evidence");
const bootLoader = about("executables.boot");
const partition = about("configuration.setting");

function verdict(checks: readonly Check[], claims: Verdict["claims"]): Verdict {
  return { variant: "qemu-vtpm", trust: ["the computer"], ...verdictOf(checks, claims) };
}

const accepted = verdict([evidence.pass("quote.magic"), partition.open("pcr[7]", "no Secure Boot", { got: "ab" })], {
  ekDigest: "cd",
  chain: ["CN=AK", "CN=Root"],
});

const refused = verdict(
  [
    evidence.pass("quote.magic"),
    bootLoader.fail("pcr[4]", "pcr_mismatch", { got: "aa", wanted: "bb" }),
    partition.fail("pcr[5]", "not_checked", { reason: "a check before it failed" }),
  ],
  {},
);

test("requireAccepted() passes an accepted verdict", () => {
  requireAccepted(accepted);
});

test("requireAccepted() throws the code of the first check that failed, with got and wanted", () => {
  assert.throws(() => requireAccepted(refused), {
    name: "AttestationError",
    code: "pcr_mismatch",
    message: 'Appraise evidence failed: check "pcr[4]": got aa, wanted bb',
  });
  assert.throws(() => requireAccepted({ ...refused, checks: refused.checks.slice(2) }), {
    code: "not_checked",
    message: 'Appraise evidence failed: check "pcr[5]": a check before it failed',
  });
});

test("requireAccepted() believes neither the flag nor the checks alone", () => {
  assert.throws(() => requireAccepted({ ...refused, accepted: true }), { code: "pcr_mismatch" });
  assert.throws(() => requireAccepted({ ...accepted, accepted: false }), { code: "not_checked" });
  assert.throws(() => requireAccepted({ ...accepted, checks: [] }), { code: "not_checked" });
});

test("formatVerdict() shows result, identity, chain and every check", () => {
  assert.equal(
    formatVerdict(accepted),
    [
      "Evidence (qemu-vtpm): ACCEPTED",
      "Rests on the word of: the computer",
      "Endorsement key: sha256:cd",
      "Certificate chain: CN=AK <- CN=Root",
      "",
      "instance-identity: none, nothing was checked",
      "configuration: warning, settings that the policy leaves open: pcr[7]",
      "executables: none, nothing was checked",
      "file-system: none, nothing was checked",
      "hardware: none, nothing was checked",
      "runtime-opaque: none, nothing was checked",
      "storage-opaque: none, nothing was checked",
      "sourced-data: none, nothing was checked",
      "",
      "CHECK        OUTCOME             GOT  WANTED",
      "quote.magic  pass",
      "pcr[7]       accepted-by-choice  ab   any (no Secure Boot)",
      "",
    ].join("\n"),
  );
});

test("formatVerdict() shows codes and reasons of failed checks", () => {
  assert.equal(
    formatVerdict(refused),
    [
      "Evidence (qemu-vtpm): REFUSED (2 of 3 checks failed)",
      "Rests on the word of: the computer",
      "",
      "instance-identity: none, nothing was checked",
      "configuration: contraindicated, settings that are refused: pcr[5]",
      "executables: warning, not all that was loaded is known: pcr[4]",
      "file-system: none, nothing was checked",
      "hardware: none, nothing was checked",
      "runtime-opaque: none, nothing was checked",
      "storage-opaque: none, nothing was checked",
      "sourced-data: none, nothing was checked",
      "",
      "CHECK        OUTCOME              GOT  WANTED",
      "quote.magic  pass",
      "pcr[4]       fail (pcr_mismatch)  aa   bb",
      "pcr[5]       fail (not_checked)        (a check before it failed)",
      "",
    ].join("\n"),
  );
});

test("formatVerdict() lets no control character through and cuts long cells", () => {
  const text = formatVerdict({
    ...refused,
    checks: [bootLoader.fail("x", "pcr_zero", { got: "\u001b[2J\n", wanted: "y".repeat(500) })],
  });
  assert.match(text, /\?\[2J\? {2}y{133}\.\.\.\n$/);
});
