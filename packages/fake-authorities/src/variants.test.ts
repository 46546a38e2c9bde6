import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { before, describe, test } from "node:test";
import {
  appraise,
  parsePolicy,
  PLATFORM_VARIANTS,
  serializeEvidence,
  serializePolicy,
  type Verdict,
} from "@constellation/attestation";
import { fromUtf8, utf8 } from "@constellation/bytes";
import { TRUST_CLAIMS, type TrustTier, type TrustVector, tierOf } from "@constellation/verdict";
import { parseCertificate, pemToDer, X509Error } from "@constellation/x509";
import {
  createFakeMachine,
  createFakeVendors,
  FAKE_MARK,
  FAKE_NOW,
  type FakeMachine,
  type FakeVendors,
} from "./index.ts";
import { type Json, leavesOf, valueAt, withValue } from "./testing/json.ts";
import { openFields, policyChanges, rootPaths, statedFields } from "./testing/policy-changes.ts";
import { refusalOf } from "./testing/refusals.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../shared/vectors");

/** Folder of the vendors' roots by the part of a policy; Azure's root for virtual TPMs is not among them. */
const REAL_ROOTS: Readonly<Record<string, string>> = { sevSnp: "amd", tdx: "intel", nitroTpm: "aws", vtpm: "gcp" };

/** What refuses evidence that was made for another channel, by its part. */
const BINDINGS: Readonly<Record<string, string>> = {
  sevSnp: "sevSnp.report.reportData report_data",
  tdx: "tdx.REPORTDATA report_data",
  nitroTpm: "nitroTpm.document.nonce nonce",
  vtpm: "vtpm.quote.qualifyingData quote_qualifying_data",
  azure: "azure.vtpm.quote.qualifyingData quote_qualifying_data",
};

/** What each kind of machine may leave out, and what refuses it then where it is asked for. */
const OPTIONAL: Readonly<Record<string, readonly [nothing: Json, code: string]>> = {
  crls: [[], "revocation_crl_missing"],
  collateral: [null, "collateral_missing"],
  ccel: [null, "ccel_missing"],
  eventLog: [null, "eventlog_missing"],
};

/** What each variant can show at best: identity, configuration, executables, hardware, memory; storage and the like never. */
const SHOWN: Readonly<Record<string, readonly [values: string, status: TrustTier]>> = {
  // The measurement is that of the firmware: what it started then, the report does not say.
  "sev-snp": ["2 2 0 2 2", "none"],
  tdx: ["0 2 3 2 2", "affirming"],
  "aws-sev-snp": ["2 2 3 2 32", "warning"],
  "aws-nitro-tpm": ["2 2 3 0 32", "warning"],
  "azure-sev-snp": ["0 2 3 2 2", "affirming"],
  "azure-tdx": ["0 2 3 2 2", "affirming"],
  "azure-trusted-launch": ["0 2 3 0 32", "warning"],
  "gcp-sev-snp": ["2 2 3 2 32", "warning"],
  "gcp-tdx": ["0 2 3 2 32", "warning"],
  "gcp-sev-es": ["0 2 3 0 32", "warning"],
};

const BADNESS: readonly TrustTier[] = ["affirming", "none", "warning", "contraindicated"];

const reportData = new Uint8Array(randomBytes(64));

let vendors: FakeVendors;
let others: FakeVendors;

before(async () => {
  vendors = await createFakeVendors();
  others = await createFakeVendors();
});

function policyOf({ policy }: FakeMachine): Json {
  return JSON.parse(serializePolicy(policy)) as Json;
}

function evidenceOf(machine: FakeMachine, bound: Uint8Array = reportData): Json {
  return JSON.parse(fromUtf8(serializeEvidence(machine.evidence(bound)))) as Json;
}

function judged(evidence: Json, policy: Json): Verdict {
  const context = { reportData, now: FAKE_NOW };
  return appraise(utf8(JSON.stringify(evidence)), parsePolicy(JSON.stringify(policy)), context);
}

/** The claims that are shown better in one vector than in the other. */
function betterIn(vector: TrustVector, other: TrustVector): string[] {
  const badness = (of: TrustVector, claim: keyof TrustVector): number => BADNESS.indexOf(tierOf(of[claim].value));
  return TRUST_CLAIMS.filter((claim) => badness(vector, claim) < badness(other, claim));
}

/** Names and codes of the checks that refuse; those that could not judge for one of them are left out. */
function failuresOf(evidence: Json, policy: Json): string[] {
  const { accepted, checks, status } = judged(evidence, policy);
  const failed = checks.filter((done) => done.outcome === "fail");
  assert.equal(accepted, failed.length === 0);
  assert.equal(status === "contraindicated", !accepted, status);
  const own = failed.filter(({ code, got }) => code !== "not_checked" && got !== "not judged");
  return own.map(({ name, code }) => `${name} ${code}`);
}

function realRoots(path: readonly string[]): string[] {
  const part = path.find((key) => key in REAL_ROOTS) as string;
  const folder = join(VECTORS, "trust-roots", REAL_ROOTS[part] as string);
  return readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"));
}

/** Subjects of the certificates that a text is, or has in it. */
function subjectsOf(base64Text: string): string[] {
  const bytes = new Uint8Array(Buffer.from(base64Text, "base64"));
  const pems = Buffer.from(bytes)
    .toString("latin1")
    .match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  try {
    const ders = pems?.map(pemToDer) ?? [bytes];
    return ders.map((der) => parseCertificate(der).subject.text);
  } catch (error) {
    assert.ok(error instanceof X509Error);
    return [];
  }
}

for (const variant of PLATFORM_VARIANTS) {
  describe(`createFakeMachine() of ${variant}`, () => {
    let machine: FakeMachine;
    let stranger: FakeMachine;
    let policy: Json;
    let evidence: Json;

    before(async () => {
      machine = await createFakeMachine(variant, vendors);
      stranger = await createFakeMachine(variant, others);
      policy = policyOf(machine);
      evidence = evidenceOf(machine);
    });

    test("is accepted under a policy that leaves nothing open", () => {
      assert.deepEqual(openFields(policy), []);
      assert.deepEqual(failuresOf(evidence, policy), []);
    });

    test("shows what hardware and the word of whoever runs it can show, and no more", () => {
      const { status, trustVector } = judged(evidence, policy);
      const spoken = ["instance-identity", "configuration", "executables", "hardware", "runtime-opaque"] as const;
      const values = spoken.map((claim) => trustVector[claim].value).join(" ");
      assert.deepEqual([values, status], SHOWN[variant]);
      for (const claim of ["file-system", "storage-opaque", "sourced-data"] as const) {
        assert.equal(trustVector[claim].value, 0);
      }
    });

    test("shows nothing better for a field that the policy leaves open", () => {
      const { trustVector: pinned } = judged(evidence, policy);
      const wrong = statedFields(policy).flatMap((field) => {
        const any = { kind: "any", reason: "test" };
        const { accepted, trustVector } = judged(evidence, withValue(policy, field.split("."), any));
        assert.ok(accepted, field);
        return betterIn(trustVector, pinned).map((claim) => `${field}: ${claim}`);
      });
      assert.deepEqual(wrong, []);
    });

    test("is refused for another channel by the binding of each part, and by nothing else", () => {
      const parts = Object.keys(policy as object).filter((key) => !["variant", "machines"].includes(key));
      const failures = failuresOf(evidenceOf(machine, new Uint8Array(randomBytes(64))), policy);
      assert.deepEqual(failures.toSorted(), parts.map((part) => BINDINGS[part] as string).toSorted());
    });

    test("is refused with any part of a machine of other vendors", () => {
      const other = evidenceOf(stranger);
      const kept = leavesOf(evidence).filter(({ path, value }) => {
        const swapped = valueAt(other, path);
        if (swapped === value) return true;
        assert.notDeepEqual(failuresOf(withValue(evidence, path, swapped), policy), [], path.join("."));
        return false;
      });
      // Registers that nothing extends are zero on each machine.
      for (const { path } of kept) assert.match(path.join("."), /^variant$|\.pcrs\.(?:3|6|8|10|13|14|15)$/);
    });

    test("is refused with any part of another machine of the same vendors", async () => {
      const other = evidenceOf(await createFakeMachine(variant, vendors)) as Record<string, Json>;
      for (const [part, swapped] of Object.entries(other).filter(([key]) => key !== "variant")) {
        const failures = failuresOf(withValue(evidence, [part], swapped), policy);
        const own = failures.filter((failure) => failure !== "machine machine_not_allowed");
        assert.ok(own.length > 0 && own.every((failure) => failure.startsWith(`${part}.`)), part);
      }
    });

    test("is refused under the vendors' own roots", () => {
      for (const path of rootPaths(policy)) {
        const failures = failuresOf(evidence, withValue(policy, path, realRoots(path)));
        const wanted = refusalOf(path) as RegExp;
        assert.ok(failures.length > 0 && failures.every((failure) => wanted.test(failure)), failures.join(", "));
      }
    });

    test("is refused where something is left out that the policy asks for", () => {
      const paths = leavesOf(evidence).map(({ path }) => path.slice(0, path.findIndex((key) => key in OPTIONAL) + 1));
      for (const path of paths.filter(({ length }) => length > 0)) {
        const [nothing, code] = OPTIONAL[path.at(-1) as string] as readonly [Json, string];
        const failures = failuresOf(withValue(evidence, path, nothing), policy);
        assert.deepEqual(
          failures.map((failure) => failure.split(" ")[1]),
          [code],
          path.join("."),
        );
      }
    });

    test("is refused by the field's own check where a field of the policy wants something else", () => {
      const changes = policyChanges(policy, policyOf(stranger));
      for (const field of statedFields(policy)) {
        assert.ok(
          changes.some(({ path }) => `${path.join(".")}.`.startsWith(`${field}.`)),
          field,
        );
      }
      const without = changes.flatMap(({ path, document }) => {
        const failures = failuresOf(evidence, document);
        const wanted = refusalOf(path);
        const isRefused = failures.length > 0 && failures.every((failure) => wanted?.test(failure));
        return isRefused ? [] : [`${path.join(".")}: ${failures.join(", ") || "accepted"}`];
      });
      assert.deepEqual(without, []);
    });

    test("has certificates that say that they are fake", () => {
      const texts = leavesOf(evidence).flatMap(({ value }) => (typeof value === "string" ? [value] : []));
      const roots = rootPaths(policy).flatMap((path) => valueAt(policy, path) as string[]);
      const pems = roots.map((pem) => Buffer.from(pem).toString("base64"));
      const subjects = [...texts, ...pems].flatMap(subjectsOf);
      assert.ok(subjects.length > 0);
      for (const subject of subjects) assert.ok(subject.includes(FAKE_MARK), subject);
    });
  });
}
