import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { EvidenceError } from "@constellation/evidence";
import { judgeCase, parseCase } from "@constellation/evidence/case";
import { showEvidence } from "@constellation/evidence/show";
import { filesBelow, vectorCases } from "../testing/vectors.ts";
import type { DroppedFile } from "./dropped-files.ts";
import { type KnownFile, looseCase, looseCertificates, looseEvidence, possibleRoots } from "./loose-evidence.ts";

/** Files as the page knows them by their contents; those of no known format are left out. */
function known(files: readonly DroppedFile[]): KnownFile[] {
  return files.flatMap((file) => {
    try {
      return [{ ...file, ...showEvidence(file.bytes) }];
    } catch (error) {
      if (error instanceof EvidenceError) return [];
      throw error;
    }
  });
}

const roots = known(filesBelow("trust-roots", "trust-roots"));

/** The files of a good case, shorn of its case.json, with the roots that it trusts. */
function loose(kind: string, role: string, without?: string): { files: KnownFile[]; now: Date } {
  for (const { id } of vectorCases().filter((one) => one.kind === kind && !one.id.endsWith("_fail"))) {
    const files = filesBelow(id, id);
    const subject = parseCase(files.find(({ path }) => path.endsWith("case.json"))?.bytes as Uint8Array);
    if (!subject.files.has(role) || subject.files.has(without ?? "")) continue;
    const trusted = roots.filter(({ path }) => subject.roots.includes(path));
    const evidence = files.filter(({ path }) => [...subject.files.values()].some((name) => path.endsWith(`/${name}`)));
    return { files: [...known(evidence), ...trusted], now: subject.verifyTime as Date };
  }
  throw new Error(`Find case failed: got none of kind "${kind}" with "${role}"`);
}

function failuresOf({ files, now }: ReturnType<typeof loose>, trust: boolean): string[] {
  const certificates = looseCertificates(files);
  const [evidence, ...others] = looseEvidence(files, certificates);
  assert.ok(evidence !== undefined && others.length === 0);
  const pems = trust ? possibleRoots(certificates).map(({ pem }) => pem) : [];
  const { checks } = judgeCase(looseCase(evidence, pems, now));
  assert.ok(checks.length > 0);
  return checks.flatMap((check) => (check.outcome === "fail" ? [check.code] : []));
}

describe("loose evidence", () => {
  for (const [kind, role] of [
    ["sev-snp", "report"],
    ["tdx", "tcb_info"],
    ["nitro", "document"],
  ] as const) {
    test(`of kind ${kind} is put together by contents, and accepted by the roots that are trusted`, () => {
      assert.deepEqual(failuresOf(loose(kind, role), true), []);
    });

    test(`of kind ${kind} is refused while no root is trusted`, () => {
      assert.notDeepEqual(failuresOf(loose(kind, role), false), []);
    });
  }

  test("does not pass where there is a part of Intel's collateral, and does where there is none", () => {
    const { files, now } = loose("tdx", "tcb_info");
    const without = (...formats: string[]) => ({ files: files.filter(({ format }) => !formats.includes(format)), now });
    assert.equal(failuresOf(without("Intel TCB info"), true)[0], "collateral_missing");
    assert.equal(failuresOf(without("X.509 CRL"), true)[0], "collateral_missing");
    assert.deepEqual(failuresOf(loose("tdx", "quote", "tcb_info"), true), []);
  });

  test("is nothing where there is no report, quote or document", () => {
    assert.deepEqual(looseEvidence(roots, looseCertificates(roots)), []);
  });
});

test("looseCertificates() has each certificate once, and possibleRoots() those that are their own issuers", () => {
  const twice = looseCertificates([...roots, ...roots]);
  assert.deepEqual(twice, looseCertificates(roots));
  const subjects = possibleRoots(twice).map(({ subject }) => subject);
  assert.ok(subjects.some((subject) => subject.includes("CN=ARK-Milan")));
  assert.ok(!subjects.some((subject) => subject.includes("CN=SEV-Milan")));
});
