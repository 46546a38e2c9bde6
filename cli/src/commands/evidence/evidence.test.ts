import assert from "node:assert/strict";
import { cp, readFile, truncate, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { readBundle } from "@constellation/endorsements";
import type { Ear } from "@constellation/verdict";
import { Harness } from "../../testing/harness.ts";
import { vendorsOf } from "../../testing/vendors.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../../shared/vectors");
const GOOD = join(VECTORS, "sev-snp/milan-v3-dstack");

interface Report {
  readonly accepted: boolean;
  readonly kind: string;
  readonly checks: readonly { readonly name: string; readonly outcome: string; readonly reason?: string }[];
  readonly claims: Readonly<Record<string, unknown>>;
}

/** A copy of a good case that may be changed, with its roots two levels above. */
async function copyOfCase(t: TestContext, good = GOOD): Promise<{ harness: Harness; folder: string }> {
  const harness = await Harness.create(t);
  const folder = join(harness.folder, "set/sev-snp/copy");
  await cp(good, folder, { recursive: true, mode: 0 });
  await cp(join(VECTORS, "trust-roots"), join(harness.folder, "set/trust-roots"), { recursive: true });
  return { harness, folder };
}

async function editCase(folder: string, change: (value: Record<string, unknown>) => void): Promise<void> {
  const value = JSON.parse(await readFile(join(folder, "case.json"), "utf8")) as Record<string, unknown>;
  change(value);
  await replace(join(folder, "case.json"), JSON.stringify(value));
}

/** The originals may be read-only, and so their copies. */
async function replace(file: string, contents: string | Uint8Array): Promise<void> {
  const { chmod } = await import("node:fs/promises");
  await chmod(file, 0o600);
  await writeFile(file, contents);
}

test("evidence verify accepts a good case, lists every check, and says what the case leaves open", async (t) => {
  const harness = await Harness.create(t);
  const { code, out } = await harness.run("evidence", "verify", GOOD);
  assert.equal(code, 0);
  assert.match(out, /^Verdict {2}accepted$/m);
  assert.match(out, /^ {2}ok {3}report\.signature /m);
  assert.match(out, /^ {2}any {2}caChain\.revocation .*not asked by the case$/m);
  const json = await harness.run("evidence", "verify", "-o", "json", GOOD);
  const report = JSON.parse(json.out) as Report;
  assert.deepEqual([json.code, report.accepted, report.kind], [0, true, "sev-snp"]);
  assert.ok(
    report.checks.filter(({ outcome }) => outcome === "accepted-by-choice").every(({ reason }) => reason !== ""),
  );
  assert.equal(report.claims["vmpl"], 0);
});

test("evidence verify says what the evidence shows, in words and as an EAR", async (t) => {
  const harness = await Harness.create(t);
  const folder = join(VECTORS, "tdx/synthetic-v4");
  const { out } = await harness.run("evidence", "verify", folder);
  assert.match(out, /^Trustworthiness: warning$/m);
  assert.match(out, /^ {2}executables {8}warning {4}not all that was loaded is known: MRTD, RTMR1, RTMR2$/m);
  assert.match(out, /^ {2}runtime-opaque {5}affirming {2}memory is encrypted, and closed to whoever runs the host$/m);
  const json = await harness.run("evidence", "verify", "-o", "json", folder);
  const { ear, checks, claims } = JSON.parse(json.out) as Report & { ear: Ear };
  assert.equal(ear.eat_profile, "tag:github.com,2023:veraison/ear");
  assert.equal(ear.iat, Math.floor(harness.clock.now().getTime() / 1000));
  assert.match(ear["ear.verifier-id"].build, /^constellation v\d/);
  const { tdx } = ear.submods;
  assert.ok(tdx !== undefined);
  assert.equal(tdx["ear.status"], "warning");
  assert.equal(tdx["ear.trustworthiness-vector"].executables, 33);
  assert.match(tdx["ear.appraisal-policy-id"] ?? "", /^sha256:[0-9a-f]{64}$/);
  assert.deepEqual(tdx["urn:constellation:appraisal"], { accepted: true, checks, claims });
});

test("evidence verify gives refused evidence an EAR that is contraindicated", async (t) => {
  const harness = await Harness.create(t);
  const folder = join(VECTORS, "sev-snp/milan-v3-dstack-flip-measurement_fail");
  const { code, out } = await harness.run("evidence", "verify", "-o", "json", folder);
  const { ear } = JSON.parse(out) as { ear: Ear };
  const appraisal = ear.submods["sev-snp"];
  assert.deepEqual([code, appraisal?.["ear.status"]], [1, "contraindicated"]);
  assert.equal(appraisal?.["ear.trustworthiness-vector"].hardware, 99);
});

test("evidence verify refuses a bad case with its first code, and exits with 1", async (t) => {
  const harness = await Harness.create(t);
  const { code, out } = await harness.run(
    "evidence",
    "verify",
    join(VECTORS, "sev-snp/milan-v3-dstack-flip-measurement_fail"),
  );
  assert.equal(code, 1);
  assert.match(out, /^Verdict {2}refused \(signature_mismatch\): 1 of \d+ checks failed$/m);
  assert.match(out, /^Refused because of:\n {2}report\.signature \(signature_mismatch\): got/m);
});

test("evidence verify finds the roots two levels above the case, and trusts no others", async (t) => {
  const { harness, folder } = await copyOfCase(t);
  assert.equal(
    (await harness.run("evidence", "verify", "set/sev-snp/copy")).code,
    0,
    "seen from the working directory",
  );
  await editCase(folder, (value) => (value["roots"] = ["trust-roots/amd/ark_genoa.pem"]));
  const { code, out } = await harness.run("evidence", "verify", folder);
  assert.equal(code, 1);
  assert.match(out, /refused \(ca_chain_issuer_unknown\)/);
});

test("evidence verify exits with 2 where there is no case that can be judged, and says why", async (t) => {
  const { harness, folder } = await copyOfCase(t);
  const refused = async (wanted: RegExp): Promise<void> => {
    const { code, out, err } = await harness.run("evidence", "verify", folder);
    assert.deepEqual([code, out], [2, ""], err);
    assert.match(err, wanted);
    assert.doesNotMatch(err, /\n\s+at /, "no stack trace");
  };
  const original = await readFile(join(folder, "case.json"), "utf8");
  await editCase(folder, (value) => Object.assign(value, { kind: "sgx" }));
  await refused(/kind: got "sgx", wanted one of sev-snp, /);
  await editCase(folder, (value) =>
    Object.assign(value, { kind: "sev-snp", schema: 2, verify_time: "soon", roots: ["../x"] }),
  );
  await refused(/schema: got 2, wanted 1; verify_time: got "soon", wanted a time, or null; roots\.0: got "\.\.\/x"/);
  await replace(join(folder, "case.json"), original);
  await editCase(folder, (value) => (value["policy"] = { vmpl: 4, allow_debug: "no", color: "red" }));
  await refused(/color: got an unknown field.*allow_debug: got "no", wanted true or false; vmpl: got 4/);
  await replace(join(folder, "case.json"), original);
  await editCase(folder, (value) => (value["files"] = { report: "report.bin" }));
  await refused(/got no file "endorsement_cert", wanted one/);
  await editCase(folder, (value) => (value["files"] = { report: "/etc/passwd" }));
  await refused(/files\.report: got "\/etc\/passwd"/);
  await replace(join(folder, "case.json"), '{"schema":1,"schema":1}');
  await refused(/key twice/);
  await replace(join(folder, "case.json"), original);
  await truncate(join(folder, "case.json"), 17 * 1024 * 1024);
  await refused(/got 17825792 bytes, wanted 16777216 or fewer/);
  assert.equal((await harness.run("evidence", "verify", join(folder, "none"))).code, 2);
  assert.equal((await harness.run("evidence", "verify", "/dev")).code, 2);
  assert.equal((await harness.run("evidence", "verify")).code, 2);
});

test("evidence verify says in its first line what failed, and not what was left out for it", async (t) => {
  const harness = await Harness.create(t);
  const headOf = async (name: string): Promise<string | undefined> => {
    const { code, out } = await harness.run("evidence", "verify", join(VECTORS, name));
    assert.equal(code, 1, name);
    return /^Verdict {2}refused \((\w+)\)/.exec(out)?.[1];
  };
  assert.equal(await headOf("azure/snp-milan-v3-trustee-v1-quote-magic_fail"), "quote_magic");
  assert.equal(await headOf("azure/snp-milan-v3-trustee-v1-hcl-magic_fail"), "hcl_format");
});

test("evidence verify says of a value that is empty that there is nothing", async (t) => {
  const harness = await Harness.create(t);
  const { out } = await harness.run(
    "evidence",
    "verify",
    join(VECTORS, "gcp-tpm/gce-cos-85-no-nonce-nonce-mismatch_fail"),
  );
  assert.match(out, /quote\.qualifyingData \(quote_qualifying_data\): got nothing, wanted 00/);
});

test("evidence verify refuses damaged evidence without a stack trace", async (t) => {
  const { harness, folder } = await copyOfCase(t);
  for (const file of ["report.bin", "vcek.der", "ask.pem"]) {
    const good = await readFile(join(folder, file));
    await replace(join(folder, file), good.subarray(0, good.length / 2));
    const { code, out, err } = await harness.run("evidence", "verify", folder);
    assert.equal(code, 1, file);
    assert.match(out, /^Verdict {2}refused/m, file);
    assert.doesNotMatch(`${out}${err}`, /\n\s+at /, file);
    await replace(join(folder, file), good);
  }
});

test("evidence show tells what a file is by its contents", async (t) => {
  const harness = await Harness.create(t);
  for (const [file, format, wanted] of [
    ["sev-snp/milan-v3-dstack/report.bin", "AMD SEV-SNP report", /^vmpl: 0$/m],
    ["sev-snp/milan-v3-dstack/vcek.der", "X.509 certificate", /^subject: .*SEV-VCEK/m],
    ["azure/tdx-trustee-v1-collateral/td_quote.bin", "Intel TDX quote", /^MRTD: 024a32b0/m],
    ["azure/tdx-trustee-v1-collateral/hcl_report.bin", "Azure HCL report", /^reportType: tdx$/m],
    ["azure/tdx-trustee-v1-collateral/tcb_info.json", "Intel TCB info", /^id: TDX$/m],
    ["azure/tdx-trustee-v1-collateral/qe_identity.json", "Intel enclave identity", /^id: TD_QE$/m],
    ["azure/tdx-trustee-v1-collateral/pck_crl.der", "X.509 CRL", /^revokedCertificates: \d+$/m],
    ["azure/tdx-trustee-v1-collateral/tpm_quote.msg", "TPMS_ATTEST (TPM quote)", /^extraData: 6368616c6c656e6765$/m],
    ["gcp-tpm/gce-cos-85-no-nonce/ak_public.bin", "TPMT_PUBLIC", /^objectAttributes: 327794$/m],
    ["gcp-tpm/gce-cos-85-no-nonce/quote_sha256.sig", "TPMT_SIGNATURE", /^sigAlg: 20$/m],
    ["gcp-tpm/gce-cos-85-no-nonce/ak_ca_chain.pem", "PEM", /subject: .*CN=/],
    ["nitro/enclave-1/document.cbor", "AWS Nitro attestation document", /^moduleId: i-/m],
    ["tpm-eventlogs/cos-101-amd-sev/eventlog.bin", "TCG event log", /type: EV_SEPARATOR$/m],
    ["tpm-eventlogs/debian-10/eventlog.bin", "TCG event log of the time before digest banks", /type: EV_SEPARATOR$/m],
    ["tpm-eventlogs/ccel-grub/eventlog.bin", "event log of a confidential machine", /register: 1$/m],
  ] as const) {
    const { code, out } = await harness.run("evidence", "show", join(VECTORS, file));
    assert.equal(code, 0, file);
    assert.equal(out.split("\n")[0], format);
    assert.match(out, wanted, file);
  }
  const json = await harness.run("evidence", "show", "-o", "json", join(GOOD, "report.bin"));
  assert.equal((JSON.parse(json.out) as { format: string }).format, "AMD SEV-SNP report");
});

test("evidence show exits with 2 for what it does not know, and says what it is not", async (t) => {
  const harness = await Harness.create(t);
  await harness.write("x", "HCLA and nothing else");
  const { code, err } = await harness.run("evidence", "show", "w/x");
  assert.equal(code, 2);
  assert.match(err, /got 21 bytes of no known format: no Azure HCL report: Parse HCL report failed/);
  await harness.write("y", "");
  assert.equal((await harness.run("evidence", "show", "w/y")).code, 2);
});

test("evidence policy init writes a total policy that the good case passes, and another does not", async (t) => {
  const harness = await Harness.create(t);
  const written = await harness.run("evidence", "policy", "init", "--from", GOOD, "--to", "w/policy.json");
  assert.equal(written.code, 0, written.err);
  assert.equal((await harness.run("evidence", "verify", "--policy", "w/policy.json", GOOD)).code, 0);
  const other = await harness.run(
    "evidence",
    "verify",
    "--policy",
    "w/policy.json",
    join(VECTORS, "sev-snp/milan-v2-virtee"),
  );
  assert.equal(other.code, 1);
  assert.match(other.out, /^ {2}report\.measurement \(measurement\): got /m);
  const again = await harness.run("evidence", "policy", "init", "--from", GOOD, "--to", "w/policy.json");
  assert.equal(again.code, 1);
  assert.match(again.err, /the file exists/);
  const { out } = await harness.run("evidence", "policy", "init", "--from", GOOD);
  assert.equal(out, await harness.read("policy.json"));
});

test("evidence policy init refuses a bad case, and kinds without a policy", async (t) => {
  const harness = await Harness.create(t);
  for (const [name, wanted] of [
    ["sev-snp/milan-v3-dstack-flip-measurement_fail", /the case is refused, wanted one that is accepted/],
    ["tpm-eventlogs/debian-10", /evidence of kind "tpm-eventlog" has no policy/],
  ] as const) {
    const { code, err } = await harness.run("evidence", "policy", "init", "--from", join(VECTORS, name));
    assert.equal(code, 2);
    assert.match(err, wanted);
  }
});

test("evidence verify --policy refuses a policy that is not total, or of another kind", async (t) => {
  const harness = await Harness.create(t);
  const { out } = await harness.run("evidence", "policy", "init", "--from", GOOD);
  const document = JSON.parse(out) as { kind: string; policy: { report: Record<string, unknown> } };
  const refused = async (change: object, wanted: RegExp): Promise<void> => {
    await harness.write("p", JSON.stringify({ ...document, ...change }));
    const { code, err } = await harness.run("evidence", "verify", "--policy", "w/p", GOOD);
    assert.equal(code, 2);
    assert.match(err, wanted);
  };
  const { vmpl: _, ...report } = document.policy.report;
  await refused({ policy: { ...document.policy, report } }, /report\.vmpl: got nothing, wanted an object/);
  await refused({ kind: "tdx" }, /kind: got "tdx", wanted "sev-snp"/);
  await refused({ kind: "x" }, /kind: got "x", wanted "sev-snp" or /);
  await refused({ schema: 2 }, /schema: got 2, wanted 1/);
  await refused({ more: 1 }, /more: got an unknown field/);
});

test("evidence fetch writes the endorsements of reports and quotes to a bundle, and says when each is over", async (t) => {
  const harness = await Harness.create(t);
  harness.endorsements = vendorsOf(VECTORS);
  const quote = join(VECTORS, "azure/tdx-trustee-v1-collateral/td_quote.bin");
  const { code, out, err } = await harness.run(
    "evidence",
    "fetch",
    join(GOOD, "report.bin"),
    quote,
    "--to",
    "w/bundle.json",
  );
  assert.equal(code, 0, err);
  assert.match(out, /^2025-11-18 {2}TCB info, /m);
  assert.match(out, /VCEK of Milan chip /);
  const bundle = readBundle(await harness.read("bundle.json"));
  assert.deepEqual([bundle.vceks.length, bundle.tdx.length], [1, 1]);
  const json = await harness.run("evidence", "fetch", "-o", "json", quote, "--to", "w/bundle.json");
  assert.equal((JSON.parse(json.out) as { parts: unknown[] }).parts.length > 5, true);
});

test("evidence verify and policy init take endorsements from a bundle in the place of the case's own", async (t) => {
  const { harness, folder } = await copyOfCase(t);
  harness.endorsements = vendorsOf(VECTORS);
  const report = join(folder, "report.bin");
  const quote = join(VECTORS, "azure/tdx-trustee-v1-collateral/td_quote.bin");
  assert.equal((await harness.run("evidence", "fetch", report, quote, "--to", "w/bundle.json")).code, 0);
  await editCase(folder, (value) => (value["files"] = { report: "report.bin" }));
  assert.equal((await harness.run("evidence", "verify", folder)).code, 2, "without any");
  const offline = ["--endorsements", "w/bundle.json"];
  const { code, out, err } = await harness.run("evidence", "verify", folder, ...offline);
  assert.equal(code, 0, err);
  assert.match(out, /^ {2}ok +endorsementCert +got VCEK of Milan-B0$/m);
  const policy = await harness.run("evidence", "policy", "init", "--from", folder, "--to", "w/policy.json", ...offline);
  assert.equal(policy.code, 0, policy.err);
});

test("evidence verify believes a bundle no more than the case's own files", async (t) => {
  const { harness, folder } = await copyOfCase(t);
  const good = vendorsOf(VECTORS);
  const endorsementCert = new Uint8Array(await readFile(join(VECTORS, "sev-snp/milan-v2-virtee/vcek.der")));
  harness.endorsements = {
    ...good,
    sevSnp: async (platform) => ({ ...(await good.sevSnp(platform)), endorsementCert }),
  };
  assert.equal((await harness.run("evidence", "fetch", join(folder, "report.bin"), "--to", "w/bundle.json")).code, 0);
  assert.equal((await harness.run("evidence", "verify", folder)).code, 0);
  const { code, out } = await harness.run("evidence", "verify", folder, "--endorsements", "w/bundle.json");
  assert.equal(code, 1);
  assert.match(out, /^ {2}endorsementCert\.hwId \(chip_id_mismatch\): /m);
});

test("evidence verify takes the collateral of an Azure machine's TD quote from a bundle", async (t) => {
  const { harness, folder } = await copyOfCase(t, join(VECTORS, "azure/tdx-trustee-v1-collateral"));
  harness.endorsements = vendorsOf(VECTORS);
  const fetched = await harness.run("evidence", "fetch", join(folder, "td_quote.bin"), "--to", "w/bundle.json");
  assert.equal(fetched.code, 0, fetched.err);
  const own = ["hcl_report", "tpm_quote_msg", "tpm_quote_sig", "pcrs", "td_quote"];
  await editCase(folder, (value) => {
    const files = Object.entries(value["files"] as Record<string, string>);
    value["files"] = Object.fromEntries(files.filter(([role]) => own.includes(role)));
  });
  assert.equal((await harness.run("evidence", "verify", folder)).code, 1, "collateral is asked for");
  const { code, out, err } = await harness.run("evidence", "verify", folder, "--endorsements", "w/bundle.json");
  assert.equal(code, 0, err);
  assert.match(out, /^ {2}ok +pckCrl\.pckCertificate /m);
});

test("evidence verify --endorsements refuses a bundle that has nothing for the evidence, or is none", async (t) => {
  const harness = await Harness.create(t);
  harness.endorsements = vendorsOf(VECTORS);
  const quote = join(VECTORS, "azure/tdx-trustee-v1-collateral/td_quote.bin");
  assert.equal((await harness.run("evidence", "fetch", quote, "--to", "w/bundle.json")).code, 0);
  await harness.write("none", "{}");
  for (const [name, bundle, wanted] of [
    ["sev-snp/milan-v3-dstack", "w/bundle.json", /got no VCEK authority of Milan in the bundle/],
    ["sev-snp/milan-v2-virtee", "w/bundle.json", /does not say of which product line/],
    ["sev-snp/milan-v3-dstack-truncated_fail", "w/bundle.json", /does not say of which machine it is: .*1183/],
    ["azure/snp-milan-v3-trustee-v1-hcl-magic_fail", "w/bundle.json", /does not say of which machine it is: .*HCL/],
    ["tdx/v4-spr", "w/bundle.json", /got no collateral of FMSPC/],
    ["nitro/enclave-1", "w/bundle.json", /got evidence of kind "nitro", wanted SEV-SNP or TDX/],
    ["tdx/v4-spr", "w/none", /bundle/],
  ] as const) {
    const { code, err } = await harness.run("evidence", "verify", join(VECTORS, name), "--endorsements", bundle);
    assert.equal(code, 2, name);
    assert.match(err, wanted, name);
  }
});

test("evidence fetch says why it can't, and what helps", async (t) => {
  const harness = await Harness.create(t);
  const fetched = (...args: string[]) => harness.run("evidence", "fetch", "--to", "w/b", ...args);
  const unknown = await fetched(join(GOOD, "report.bin"));
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /Get VCEK failed: got 404\nHint: check that product, chip and TCB/);
  const v2 = join(VECTORS, "sev-snp/milan-v2-virtee/report.bin");
  const product = await fetched(v2);
  assert.equal(product.code, 2);
  assert.match(product.err, /does not say of which product line its CPU is\nHint: name it with --product/);
  assert.equal((await fetched(v2, "--product", "Milan")).code, 1, "asks then");
  assert.equal((await fetched(v2, "--product", "Naples")).code, 2);
  const other = await fetched(join(GOOD, "vcek.der"));
  assert.equal(other.code, 2);
  assert.match(other.err, /got neither an SEV-SNP report nor a TDX quote/);
  assert.equal((await fetched()).code, 2);
});
