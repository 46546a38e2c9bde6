import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { concat, fromUtf8 } from "@constellation/bytes";
import { parseReport, type Product, productOfName, verifyReport } from "@constellation/sev-snp";
import { FakeAmd } from "@constellation/sev-snp/testing";
import { type Collateral, parseQuote, parseTcbInfo, verifyQuote } from "@constellation/tdx";
import { parseCertificate, parseCrl, pemToDer } from "@constellation/x509";
import { bundleSource } from "./bundle/bundle-source.ts";
import { readBundle, writeBundle } from "./bundle/document.ts";
import { gatherBundle } from "./bundle/gather.ts";
import { DEFAULT_NETWORK_OPTIONS, networkSource } from "./network-source.ts";
import type { SevSnpPlatform, TdxPlatform } from "./source.ts";
import { FakeKds } from "./testing/fake-kds.ts";
import { FakePcs } from "./testing/fake-pcs.ts";
import { FakeWorld } from "./testing/world.ts";

interface VectorCase {
  readonly kind: string;
  readonly verify_time: string;
  readonly expect: "pass" | "fail";
  readonly files: Readonly<Record<string, string>>;
  readonly roots: readonly string[];
}

const BESIDE_THE_CHECKOUT = fileURLToPath(new URL("../../../../shared/vectors", import.meta.url));
const top = process.env["CONSTELLATION_VECTORS"] ?? BESIDE_THE_CHECKOUT;
if (!existsSync(top)) throw new Error(`Find test evidence failed: got no folder "${top}", wanted it`);

/** Cases of a kind that are to be accepted, with a way to read their files by role. */
function passing(kind: string): { name: string; json: VectorCase; file: (role: string) => Uint8Array }[] {
  return readdirSync(join(top, kind))
    .map((name) => {
      const folder = join(top, kind, name);
      const json = JSON.parse(readFileSync(join(folder, "case.json"), "utf8")) as VectorCase;
      return {
        name,
        json,
        file: (role: string) => new Uint8Array(readFileSync(join(folder, json.files[role] as string))),
      };
    })
    .filter(({ json }) => json.kind === kind && json.expect === "pass");
}

/** The first root that a case trusts, PEM. */
function rootOf({ roots }: VectorCase): Uint8Array {
  return new Uint8Array(readFileSync(join(top, roots[0] as string)));
}

const amds = new Map<Product, FakeAmd>();
const pcs = await FakePcs.start();
after(() => pcs.server.close());

for (const { name, json, file } of passing("sev-snp")) {
  test(`networkSource() fetches what sev-snp/${name} is verified with`, async () => {
    const certificate = parseCertificate(file("endorsement_cert"));
    const kind = certificate.subject.text.includes("VLEK") ? "VLEK" : "VCEK";
    const root = parseCertificate(pemToDer(fromUtf8(rootOf(json))));
    const product = productOfName(/CN=ARK-(\w+)/.exec(root.subject.text)?.[1] as string) as Product;
    const report = parseReport(file("report"));
    const platform: SevSnpPlatform = { product, kind, chipId: report.chipId, tcb: report.reportedTcb };
    const amd = amds.get(product) ?? new FakeAmd(product);
    amds.set(product, amd);
    const kds = await FakeKds.start(amd);
    try {
      kds.server.set(kds.chainPath(kind), { body: concat(file("ca_chain"), rootOf(json)) });
      if (kind === "VCEK") kds.server.set(kds.vcekPath(platform), { body: file("endorsement_cert") });
      const world = new FakeWorld({ time: new Date(json.verify_time) });
      const source = networkSource({ ...DEFAULT_NETWORK_OPTIONS, kdsUrl: kds.server.url }, world);
      const bundle = await gatherBundle(source, { sevSnp: [platform], tdx: [] }, world.now());
      const got = await bundleSource(readBundle(writeBundle(bundle))).sevSnp(platform);
      const { genuine } = verifyReport({
        report: file("report"),
        endorsementCert: got.endorsementCert ?? file("endorsement_cert"),
        caChain: got.caChain,
        roots: [root],
        now: world.now(),
        revocation: { kind: "unchecked", reason: "the evidence comes without AMD's CRLs" },
      });
      assert.ok(genuine);
    } finally {
      await kds.server.close();
    }
  });
}

for (const { name, json, file } of passing("tdx")) {
  if (json.files["tcb_info"] === undefined) continue;
  test(`networkSource() fetches what tdx/${name} is verified with`, async () => {
    const collateral: Collateral = {
      tcbInfo: file("tcb_info"),
      tcbInfoIssuerChain: file("tcb_info_issuer_chain"),
      qeIdentity: file("qe_identity"),
      qeIdentityIssuerChain: file("qe_identity_issuer_chain"),
      rootCaCrl: file("root_ca_crl"),
      pckCrl: file("pck_crl"),
      pckCrlIssuerChain: file("pck_crl_issuer_chain"),
    };
    const { fmspc } = parseTcbInfo(collateral.tcbInfo);
    const isPlatform = parseCrl(collateral.pckCrl).issuer.text.includes("Platform");
    const platform: TdxPlatform = { fmspc, ca: isPlatform ? "platform" : "processor" };
    pcs.publish(platform, collateral);
    const world = new FakeWorld({ time: new Date(json.verify_time) });
    const source = networkSource({ ...DEFAULT_NETWORK_OPTIONS, pcs: pcs.service }, world);
    const bundle = await gatherBundle(source, { sevSnp: [], tdx: [platform] }, world.now());
    const got = await bundleSource(readBundle(writeBundle(bundle))).tdx(platform);
    assert.deepEqual(got, collateral);
    const quote = parseQuote(file("quote"));
    const roots = [parseCertificate(pemToDer(fromUtf8(rootOf(json))))];
    const verified = verifyQuote({ quote, roots, now: world.now(), collateral: { kind: "given", ...got } });
    assert.ok(verified.genuine);
  });
}
