import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { type Json } from "@constellation/fields";
import { parseCertificate } from "@constellation/x509";
import { judgeCase } from "../case.ts";
import { codesOf, errorOf, goodCases, readTestCase, type TestCase, withFile } from "../testing/cases.ts";
import { quotePolicyOf } from "./case-policy.ts";
import { policyFromCase } from "./policy-from-case.ts";

const all = goodCases("azure", "gcp-tpm", "nitro", "sev-snp", "tdx").map(readTestCase);

function firstOf(kind: string): TestCase {
  const subject = all.find((one) => one.case.kind === kind);
  assert.ok(subject !== undefined, `a good case of ${kind}`);
  return subject;
}

function asking(subject: TestCase, policy: Readonly<Record<string, unknown>>): TestCase {
  return { ...subject, case: { ...subject.case, policy } };
}

type Banks = Readonly<Record<"sha256" | "sha384", Readonly<Record<string, string>>>>;

function without(subject: TestCase, role: string): TestCase {
  return withFile(subject, role, undefined);
}

describe("judgeCase() by the case's own policy", () => {
  test("refuses entries that are not well-formed, and those that the kind does not know", () => {
    for (const [kind, policy] of [
      ["sev-snp", { vmpl: 9 }],
      ["sev-snp", { rtmr0: "00" }],
      ["sev-snp", { measurement: 5 }],
      ["tdx", { accept_tcb_status: ["UpToDate "] }],
      ["nitro", { pcrs: { "32": "00" } }],
      ["nitro", { pcrs: { sha256: { "0": "00" } } }],
      ["nitro", { pcrs: { sha1: { "0": "00" } } }],
      ["tpm-quote", { pcrs: { sha1: { "0": "00" } } }],
      ["azure-tdx", { pcrs: { sha1: { "0": "00" } } }],
      ["gcp-ek-cert", { usage: "any" }],
    ] as const) {
      const error = errorOf(() => judgeCase(asking(firstOf(kind), policy)));
      assert.equal(error?.code, "policy_malformed", kind);
    }
  });

  test("judges a revocation list and a certificate of the attestation key where they are there", () => {
    const revoked = withFile(firstOf("sev-snp"), "crl", new Uint8Array(3));
    assert.notDeepEqual(codesOf(judgeCase(revoked)), []);
    for (const junk of [new Uint8Array(), Uint8Array.of(0x30)]) {
      const certified = withFile(firstOf("tpm-quote"), "ak_cert", junk);
      assert.ok(codesOf(judgeCase(certified)).includes("certificate_malformed"));
      const chained = withFile(certified, "ak_ca_chain", new Uint8Array());
      assert.ok(codesOf(judgeCase(chained)).includes("certificate_malformed"));
    }
    const logged = withFile(firstOf("azure-sev-snp"), "eventlog", new Uint8Array(3));
    assert.ok(codesOf(judgeCase(logged)).includes("eventlog_truncated"));
  });

  test("judges collateral unless the case says not to", () => {
    const tdx = all.find(({ case: { kind }, contents }) => kind === "tdx" && contents.has("tcb_info")) as TestCase;
    const bad = withFile(tdx, "tcb_info", new Uint8Array(3));
    for (const policy of [{}, { collateral: "required" }]) {
      assert.ok(codesOf(judgeCase(asking(bad, policy))).includes("tcb_info_format"), JSON.stringify(policy));
    }
    assert.deepEqual(codesOf(judgeCase(asking(bad, { collateral: "none" }))), []);
    const none = [...tdx.contents.keys()].filter((role) => role !== "quote").reduce(without, tdx);
    assert.deepEqual(codesOf(judgeCase(asking(none, {}))), []);
    assert.ok(codesOf(judgeCase(asking(none, { collateral: "required" }))).includes("collateral_missing"));
    for (const role of ["tcb_info", "pck_crl_issuer_chain"]) {
      const part = without(tdx, role);
      for (const policy of [{}, { collateral: "required" }]) {
        assert.ok(codesOf(judgeCase(asking(part, policy))).includes("collateral_missing"), role);
      }
      assert.deepEqual(codesOf(judgeCase(asking(part, { collateral: "none" }))), []);
    }
  });

  test("asks for a TCB status where it judges collateral, and for one that Intel gives", () => {
    const tdx = all.find(({ case: { kind }, contents }) => kind === "tdx" && contents.has("tcb_info")) as TestCase;
    const statuses = ["UpToDate", "SWHardeningNeeded", "OutOfDate", "ConfigurationNeeded"];
    const asked = (collateral: string, names: readonly string[]) =>
      codesOf(judgeCase(asking(tdx, { collateral, accept_tcb_status: names })));
    assert.deepEqual(asked("required", [...statuses, "TDRelaunchAdvised"]), []);
    assert.deepEqual(asked("required", ["TDRelaunchAdvised", "Revoked"]), ["tcb_status"]);
    assert.deepEqual(asked("none", ["TDRelaunchAdvised"]), []);
  });

  test("takes no TD that its host can look into, by debugging or profiling, unless the case allows it", () => {
    for (const name of ["DEBUG", "HGS_PLUS_PROF", "PERF_PROF", "PMT_PROF"] as const) {
      assert.deepEqual(quotePolicyOf({ allow_debug: false }).TDATTRIBUTES[name], { kind: "equal", anyOf: [false] });
      assert.equal(quotePolicyOf({ allow_debug: true }).TDATTRIBUTES[name].kind, "any");
    }
  });

  test("bounds the components that a product line has, and finds a bound on another too high", () => {
    const bounded = (id: string, least: object) =>
      codesOf(judgeCase(asking(readTestCase(`sev-snp/${id}`), { min_tcb: least })));
    assert.deepEqual(bounded("milan-v3-dstack", { fmc: 0, bl: 4, tee: 0, snp: 23, ucode: 213 }), []);
    assert.deepEqual(bounded("milan-v3-dstack", { fmc: 1 }), ["product"]);
    assert.deepEqual(bounded("synthetic-turin-v5", { fmc: 1, bl: 2, tee: 0, snp: 5, ucode: 32 }), []);
    assert.deepEqual(bounded("synthetic-turin-v5", { fmc: 2 }), ["reported_tcb_fmc"]);
  });

  test("takes an empty prefix of the report data for one that is not asked for", () => {
    for (const kind of ["sev-snp", "tdx"]) {
      const asked = (prefix: string) => codesOf(judgeCase(asking(firstOf(kind), { report_data: prefix })));
      assert.deepEqual(asked(""), [], kind);
      assert.deepEqual(asked("5a5a5a5a5a5a5a5a"), ["report_data"], kind);
    }
  });

  test("asks for registers of the bank that they are of, by its name or by their length", () => {
    const subject = firstOf("tpm-quote");
    const values = JSON.parse(Buffer.from(subject.contents.get("pcrs") as Uint8Array).toString()) as Banks;
    const { sha256, sha384 } = values;
    const asked = (pcrs: object) => codesOf(judgeCase(asking(subject, { pcrs })));
    const changed = (value: string | undefined) => `${(value ?? "").slice(0, -2)}5a`;
    for (const pcrs of [
      { "0": sha256["0"] },
      { "0": sha384["0"] },
      { sha256, sha384 },
      { sha1: { "0": "00" }, sha256 },
    ]) {
      assert.deepEqual(asked(pcrs), []);
    }
    for (const pcrs of [
      { "0": changed(sha256["0"]) },
      { "0": changed(sha384["0"]) },
      { "0": "5a" },
      { sha384: { "0": changed(sha384["0"]) } },
      { sha512: { "0": sha256["0"] } },
    ]) {
      assert.equal(asked(pcrs).length, 1, JSON.stringify(pcrs));
    }
    const error = errorOf(() => asked({ sha256, "0": sha256["0"] }));
    assert.deepEqual(
      error?.findings.map(({ path }) => path),
      ["pcrs.0"],
    );
  });

  test("refuses values of a register that are of no length of its bank", () => {
    for (const kind of ["tpm-quote", "azure-tdx", "tpm-eventlog"]) {
      const subject = kind === "tpm-eventlog" ? readTestCase("tpm-eventlogs/rhel8-uefi") : firstOf(kind);
      const values = JSON.parse(Buffer.from(subject.contents.get("pcrs") as Uint8Array).toString()) as Banks;
      const short = { ...values, sha256: { ...values.sha256, "0": "00" } };
      assert.notDeepEqual(codesOf(judgeCase(withFile(subject, "pcrs", utf8(JSON.stringify(short))))), [], kind);
    }
  });

  test("asks what a TPM's certificate is for where the case does", () => {
    const usage = (name: string, policy: object) =>
      codesOf(judgeCase(asking(readTestCase(`gcp-tpm/${name}`), { ...policy })));
    for (const name of ["ekcert-pca-rsa-enc", "ekcert-pca-ecc-sign"]) assert.deepEqual(usage(name, {}), [], name);
    assert.deepEqual(usage("ekcert-pca-rsa-enc", { usage: "sign" }), ["certificate_usage"]);
  });

  test("does without a file of issuers where there is none, and then finds no issuer", () => {
    assert.ok(codesOf(judgeCase(without(firstOf("sev-snp"), "ca_chain"))).includes("ca_chain_issuer_unknown"));
    const ek = readTestCase("gcp-tpm/ekcert-uca-ecc-sign");
    assert.ok(codesOf(judgeCase(without(ek, "ca_chain"))).includes("chain_issuer_unknown"));
  });

  test("accepts whatever it is left to accept, and says so", () => {
    const subject = firstOf("sev-snp");
    const asked = asking(subject, { ...subject.case.policy, signing_key: "any" });
    const done = judgeCase(asked).checks.find(({ name }) => name === "report.signingKey");
    assert.deepEqual(
      [done?.outcome, done?.outcome === "accepted-by-choice" && done.reason],
      ["accepted-by-choice", "allowed by the case"],
    );
  });

  test("does without log and certificate of a TPM's key, and takes the key alone as it is given", () => {
    const subject = firstOf("tpm-quote");
    const bare = withFile(withFile(subject, "eventlog", undefined), "ak_cert", undefined);
    const { checks } = judgeCase(bare);
    assert.deepEqual(codesOf({ checks, claims: {} }), []);
    const chosen = checks.filter(({ outcome }) => outcome === "accepted-by-choice").map(({ name }) => name);
    assert.ok(chosen.includes("akCertificate") && chosen.includes("sha256.eventLog"), chosen.join(" "));
    const { spki } = parseCertificate(subject.contents.get("ak_cert") as Uint8Array);
    const alone = withFile(bare, "ak_public", spki);
    const asSpki = { ...alone, case: { ...alone.case, akPublicFormat: "spki-der" as const } };
    assert.deepEqual(codesOf(judgeCase(asSpki)), []);
    const issuerless = withFile(subject, "ak_ca_chain", undefined);
    assert.ok(codesOf(judgeCase(issuerless)).includes("chain_issuer_unknown"));
  });

  test("says of the paravisor's report alone what is wrong with it", () => {
    const subject = firstOf("azure-hcl");
    const report = subject.contents.get("hcl_report") as Uint8Array;
    const other = firstOf("azure-tdx").contents.get("hcl_report") as Uint8Array;
    const bare = withFile(subject, "endorsement_cert", undefined);
    assert.deepEqual(codesOf(judgeCase(withFile(bare, "hcl_report", other))), []);
    const version = Uint8Array.from(report);
    version[0x20] = 9;
    assert.deepEqual(codesOf(judgeCase(withFile(bare, "hcl_report", version))), ["report_version"]);
    const claims = Uint8Array.from(report);
    claims[Buffer.from(report).indexOf('{"')] = 0x5b;
    assert.ok(codesOf(judgeCase(withFile(bare, "hcl_report", claims))).includes("hcl_claims"));
  });
});

describe("policies as documents", () => {
  const malformed = (subject: TestCase, change: (policy: Record<string, unknown>) => void): string[] => {
    const document = structuredClone(policyFromCase(subject));
    change(document.policy as Record<string, unknown>);
    const error = errorOf(() => judgeCase(subject, document));
    assert.equal(error?.code, "policy_malformed");
    return error.findings.map(({ path }) => path);
  };

  test("refuse roots that are no certificates", () => {
    const paths = malformed(firstOf("nitro"), (policy) => {
      policy["roots"] = [1, "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"];
    });
    assert.deepEqual(paths, ["roots.0", "roots.1", "roots.2"]);
  });

  test("refuse registers that there are not, and lists of them", () => {
    const withPcrs = (pcrs: Json) => (policy: Record<string, unknown>) => {
      (policy["document"] as Record<string, unknown>)["pcrs"] = pcrs;
    };
    const any = { kind: "any", reason: "test" };
    const paths = malformed(firstOf("nitro"), withPcrs({ "0": any, "07": any, "32": any, "-1": any, x: any }));
    assert.deepEqual(paths.sort(), ["document.pcrs.-1", "document.pcrs.07", "document.pcrs.32", "document.pcrs.x"]);
    assert.deepEqual(malformed(firstOf("nitro"), withPcrs([])), ["document.pcrs"]);
  });
});
