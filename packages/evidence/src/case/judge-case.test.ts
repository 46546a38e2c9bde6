import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { judgeCase, parsePolicyDocument, type PolicyDocument } from "../case.ts";
import { codesOf, errorOf, goodCases, readTestCase, type TestCase, withFile } from "../testing/cases.ts";
import { policyFromCase } from "./policy-from-case.ts";

type Changeable = { [key: string]: Changeable } & { anyOf: unknown[]; kind: string };

function firstOf(kind: string): TestCase {
  const subject = goodCases("azure", "gcp-tpm", "nitro", "sev-snp", "tdx")
    .map(readTestCase)
    .find((one) => one.case.kind === kind);
  assert.ok(subject !== undefined, `a good case of ${kind}`);
  return subject;
}

const azureSevSnp = firstOf("azure-sev-snp");
const tpmQuote = firstOf("tpm-quote");
const launch = readTestCase("sev-snp/launch-digests");

const WITH_POLICY = goodCases("azure", "gcp-tpm", "nitro", "sev-snp", "tdx").filter(
  (id) => !["azure-hcl", "gcp-ek-cert", "sev-snp-launch-digest"].includes(readTestCase(id).case.kind),
);

/** As a file would have it. */
function reread(policy: PolicyDocument): PolicyDocument {
  return parsePolicyDocument(utf8(JSON.stringify(policy)));
}

/** The policy of a good case with something changed. */
function changedPolicy(subject: TestCase, change: (policy: Changeable) => void): PolicyDocument {
  const policy = structuredClone(policyFromCase(subject));
  change(policy.policy as unknown as Changeable);
  return reread(policy);
}

describe("policyFromCase()", () => {
  for (const id of WITH_POLICY) {
    test(`writes a policy that accepts ${id}, and reads back as it was written`, () => {
      const subject = readTestCase(id);
      const policy = policyFromCase(subject);
      assert.deepEqual(reread(policy), policy);
      assert.deepEqual(codesOf(judgeCase(subject, reread(policy))), []);
    });
  }

  test("writes none for a case that is refused", () => {
    const bad = withFile(azureSevSnp, "tpm_quote_sig", new Uint8Array(256));
    assert.equal(errorOf(() => policyFromCase(bad))?.code, "not_accepted");
  });

  test("writes none for a kind that has none", () => {
    assert.equal(errorOf(() => policyFromCase(launch))?.code, "no_policy");
  });
});

describe("judgeCase() by a policy", () => {
  test("refuses a policy of another kind, of a kind that has none, and one that is not total", () => {
    const policy = policyFromCase(tpmQuote);
    for (const [subject, document] of [
      [azureSevSnp, policy],
      [launch, { schema: 1, kind: "sev-snp-launch-digest", policy: {} }],
      [tpmQuote, { ...policy, policy: {} }],
      [tpmQuote, { ...policy, policy: null }],
    ] as const) {
      assert.equal(errorOf(() => judgeCase(subject, document))?.code, "policy_malformed");
    }
  });

  test("refuses a case without a register that is wanted, of a bank that is quoted or of one that is not", () => {
    for (const bank of ["sha256", "sha384", "sha512"] as const) {
      const size = { sha256: 32, sha384: 48, sha512: 64 }[bank];
      const wanted = { kind: "equal", anyOf: ["01".repeat(size)] } as unknown as Changeable;
      const policy = changedPolicy(tpmQuote, (changed) => {
        ((changed["pcrs"] as Changeable)[bank] as Changeable)["23"] = wanted;
      });
      const codes = codesOf(judgeCase(tpmQuote, policy));
      assert.ok(codes.includes("pcr_missing") || codes.includes("pcr_mismatch"), `${bank}: ${codes.join(" ")}`);
    }
  });

  test("refuses a register that the policy does not state, and one with another value", () => {
    const first = (changed: Changeable): [Changeable, string] => {
      const bank = (changed["pcrs"] as Changeable)["sha256"] as Changeable;
      return [bank, Object.keys(bank)[0] as string];
    };
    const unstated = changedPolicy(tpmQuote, (changed) => {
      const [bank, index] = first(changed);
      delete bank[index];
    });
    assert.deepEqual(codesOf(judgeCase(tpmQuote, unstated)), ["pcr_not_stated"]);
    const other = changedPolicy(tpmQuote, (changed) => {
      const [bank, index] = first(changed);
      (bank[index] as Changeable).anyOf = ["00".repeat(31) + "01"];
    });
    assert.deepEqual(codesOf(judgeCase(tpmQuote, other)), ["pcr_mismatch"]);
  });

  test("refuses a machine whose settings are others than the policy's, or are not stated", () => {
    const opposite = changedPolicy(azureSevSnp, (changed) => {
      const settings = changed["vmConfiguration"] as Changeable;
      for (const setting of Object.values(settings) as Changeable[]) setting.anyOf = [!setting.anyOf[0]];
    });
    assert.deepEqual(codesOf(judgeCase(azureSevSnp, opposite)), [
      "vm_configuration_secure_boot",
      "vm_configuration_tpm_enabled",
      "vm_configuration_console_enabled",
    ]);
    const hcl = Buffer.from(azureSevSnp.contents.get("hcl_report") as Uint8Array);
    hcl.write("secure-boox", hcl.indexOf("secure-boot"));
    const silent = withFile(azureSevSnp, "hcl_report", new Uint8Array(hcl));
    const codes = codesOf(judgeCase(silent, policyFromCase(azureSevSnp)));
    assert.deepEqual(codes, ["runtime_data_mismatch", "vm_configuration_secure_boot"]);
    assert.deepEqual(codesOf(judgeCase(silent)), ["runtime_data_mismatch"]);
    const settings = judgeCase(silent, policyFromCase(azureSevSnp)).checks.filter(({ name }) =>
      name.startsWith("vmConf"),
    );
    assert.deepEqual(
      settings.map(({ name, outcome, got, wanted }) => [name, outcome, got, wanted]),
      [
        ["vmConfiguration.secure-boot", "fail", "not stated", "true"],
        ["vmConfiguration.tpm-enabled", "pass", "true", "true"],
        ["vmConfiguration.console-enabled", "pass", "true", "true"],
      ],
    );
  });

  test("says first that a paravisor's report can't be read, and names the quotes of TD and TPM differently", () => {
    const { checks } = judgeCase(withFile(azureSevSnp, "hcl_report", new Uint8Array(64)));
    const [first] = checks.flatMap((done) => (done.outcome === "fail" ? [`${done.name} ${done.code}`] : []));
    assert.equal(first, "hcl hcl_format");
    const names = judgeCase(firstOf("azure-tdx")).checks.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
    assert.ok(names.includes("quote.signature") && names.includes("vtpm.quote.signature"));
  });

  test("refuses CRLs that are older than those of the case that the policy was written from", () => {
    const tdx = readTestCase(goodCases("tdx").find((id) => readTestCase(id).contents.has("tcb_info")) as string);
    for (const [crl, code] of [
      ["rootCaCrl", "root_ca_crl_this_update"],
      ["pckCrl", "pck_crl_this_update"],
    ] as const) {
      const policy = changedPolicy(tdx, ({ collateral }) => {
        const bound = (collateral as Changeable)["thisUpdate"]?.[crl] as unknown as { value: string };
        bound.value = new Date(Date.parse(bound.value) + 1000).toISOString();
      });
      assert.deepEqual(codesOf(judgeCase(tdx, policy)), [code]);
    }
  });

  test("asks for files that the policy requires", () => {
    for (const [id, role, code] of [
      [tpmQuote.case.id, "eventlog", "eventlog_missing"],
      [tpmQuote.case.id, "ak_cert", "ak_certificate_missing"],
    ] as const) {
      const subject = readTestCase(id);
      const policy = changedPolicy(subject, (changed) => {
        const required = role === "eventlog" ? { kind: "required", explained: [] } : { kind: "required", roots: [] };
        changed[role === "eventlog" ? "eventLog" : "akCertificate"] = required as unknown as Changeable;
      });
      assert.ok(codesOf(judgeCase(withFile(subject, role, undefined), policy)).includes(code), role);
    }
    const tdx = readTestCase(goodCases("tdx").find((id) => readTestCase(id).contents.has("tcb_info")) as string);
    const strict = changedPolicy(tdx, (changed) => {
      changed["ccel"] = { kind: "required" } as unknown as Changeable;
    });
    const bare = withFile(withFile(tdx, "tcb_info", undefined), "ccel", undefined);
    const codes = codesOf(judgeCase(bare, strict));
    assert.ok(codes.includes("collateral_missing") && codes.includes("ccel_missing"), codes.join(" "));
  });
});

describe("judgeCase() with bad files", () => {
  test("says which file is missing", () => {
    for (const role of ["report", "endorsement_cert"]) {
      const subject = readTestCase(goodCases("sev-snp")[1] as string);
      const error = errorOf(() => judgeCase(withFile(subject, role, undefined)));
      assert.equal(error?.code, "file_missing");
      assert.match(error.message, new RegExp(`"${role}"`));
    }
  });

  test("refuses roots that are no certificates with the package's own error", () => {
    for (const roots of [["x"], ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]]) {
      for (const subject of [tpmQuote, azureSevSnp, readTestCase(goodCases("nitro")[0] as string)]) {
        const error = errorOf(() => judgeCase({ ...subject, roots }));
        assert.ok(error === undefined ? subject === tpmQuote : error.code === "file_malformed");
      }
    }
  });

  /** Copies of other files, and what is nothing to judge by. */
  const UNJUDGED = /^(evidence_json|original|quote_sha1_.*)$/;
  const JUNK = [
    new Uint8Array(),
    new Uint8Array(64),
    utf8("{}"),
    utf8("[]"),
    utf8("[[["),
    utf8("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    utf8("-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"),
    Uint8Array.of(0x30, 0x80),
    new Uint8Array(5000).fill(0xff),
  ];
  const folders = ["azure", "gcp-tpm", "nitro", "sev-snp", "tdx", "tpm-eventlogs"];
  const kinds = new Map(goodCases(...folders).map((id) => [readTestCase(id).case.kind, id]));
  for (const [kind, id] of kinds) {
    test(`accepts no ${kind} with a file of junk, and throws its own error only`, () => {
      const subject = readTestCase(id);
      for (const role of subject.contents.keys()) {
        for (const junk of JUNK) {
          if (UNJUDGED.test(role)) continue;
          const changed = withFile(subject, role, junk);
          const refusal = errorOf(() => assert.notDeepEqual(codesOf(judgeCase(changed)), [], `${role} ${junk.length}`));
          assert.ok(refusal === undefined || refusal.code === "file_malformed", `${role}: ${refusal?.message}`);
        }
      }
    });
  }

  test("refuses lists of launch digests that are empty or longer than anybody predicts", () => {
    const judged = (json: object): TestCase => withFile(launch, "vectors", utf8(JSON.stringify(json)));
    assert.deepEqual(codesOf(judgeCase(judged({ vectors: [] }))), ["vectors_missing"]);
    const long = errorOf(() => judgeCase(judged({ vectors: Array.from({ length: 257 }, () => ({})) })));
    assert.equal(long?.code, "file_malformed");
    assert.deepEqual(
      long.findings.map(({ got, wanted }) => `${got}, ${wanted}`),
      ["a list of 257, 256 or fewer"],
    );
    assert.equal(errorOf(() => judgeCase(judged({ vectors: [1] })))?.code, "file_malformed");
    assert.equal(errorOf(() => judgeCase(judged([])))?.code, "file_malformed");
  });

  test("refuses launch digests that are not the predicted ones", () => {
    const document = JSON.parse(Buffer.from(launch.contents.get("vectors") as Uint8Array).toString()) as {
      vectors: { expect: string; expected_launch_digest: string; vcpus: number }[];
    };
    const changed = (change: object): string[] => {
      const vectors = document.vectors.slice(0, 1).map((vector) => ({ ...vector, ...change }));
      return codesOf(judgeCase(withFile(launch, "vectors", utf8(JSON.stringify({ vectors })))));
    };
    assert.deepEqual(changed({}), []);
    assert.deepEqual(changed({ expected_launch_digest: "00".repeat(48) }), ["launch_measurement"]);
    assert.deepEqual(changed({ expect: "fail" }), ["launch_measurement"]);
  });
});
