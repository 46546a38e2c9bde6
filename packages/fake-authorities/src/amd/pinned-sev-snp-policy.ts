import type { BoundSevSnpPolicy } from "@constellation/evidence";
import {
  decodeTcbVersion,
  type MilanGenoaSvns,
  parseReport,
  type Product,
  type ProductPolicies,
  type Report,
  type TurinSvns,
} from "@constellation/sev-snp";
import { FAKE_CSP_ID, type FakeAmd } from "@constellation/sev-snp/testing";
import { parseCertificate, parseCrl } from "@constellation/x509";
import { equal, least, notStated } from "../expect.ts";

/** A total policy that pins everything that a report says, under one fake AMD. */
export function pinnedSevSnpPolicy(amd: FakeAmd, reportBytes: Uint8Array): BoundSevSnpPolicy {
  const report = parseReport(reportBytes);
  return {
    roots: [parseCertificate(amd.ark)],
    revocation: { kind: "required", thisUpdate: least(parseCrl(amd.issueCrl([])).thisUpdate) },
    cspId: report.signingKey === "VLEK" ? equal(FAKE_CSP_ID) : { kind: "absent" },
    report: {
      version: least(report.version),
      guestSvn: least(report.guestSvn),
      policy: guestPolicy(report),
      familyId: equal(report.familyId),
      imageId: equal(report.imageId),
      vmpl: equal(report.vmpl),
      platformInfo: platformInfo(report),
      authorKeyEn: equal(report.authorKeyEn),
      signingKey: equal(report.signingKey),
      measurement: equal(report.measurement),
      hostData: equal(report.hostData),
      idKeyDigest: equal(report.idKeyDigest),
      authorKeyDigest: equal(report.authorKeyDigest),
      reportIdMa: equal(report.reportIdMa),
      chipId: equal(report.chipId),
      current: least(report.current),
      committed: least(report.committed),
      provisionalFirmware: equal(false),
      launchMitVector: mitVector(report.launchMitVector),
      currentMitVector: mitVector(report.currentMitVector),
      products: products(report, amd.product),
    },
  };
}

type ReportRules = BoundSevSnpPolicy["report"];

function mitVector(value: bigint | undefined): ReportRules["launchMitVector"] {
  return value === undefined ? notStated("reports before version 5 have none") : least<bigint | undefined>(value);
}

function guestPolicy({ policy }: Report): ReportRules["policy"] {
  const { raw: _raw, abiMajor, abiMinor, ...flags } = policy;
  return { abi: least({ major: abiMajor, minor: abiMinor }), ...equals(flags) };
}

function platformInfo(report: Report): ReportRules["platformInfo"] {
  const { raw: _raw, reserved, ...flags } = report.platformInfo;
  return { ...equals(flags), reserved: equal(reserved) };
}

type Equals<T> = { readonly [K in keyof T]: ReturnType<typeof equal<T[K]>> };

function equals<T extends object>(values: T): Equals<T> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, equal(value)])) as Equals<T>;
}

/** The TCB versions of the report on its product line; no other line. */
function products(report: Report, product: Product): ProductPolicies {
  const svns = (raw: Uint8Array) => decodeTcbVersion(raw, product) as MilanGenoaSvns & TurinSvns;
  const refuse = { kind: "refuse" } as const;
  const own = {
    kind: "minimum",
    reported: svns(report.reportedTcb),
    committed: svns(report.committedTcb),
    launch: svns(report.launchTcb),
  } as const;
  return { Milan: refuse, Genoa: refuse, Turin: refuse, [product]: own };
}
