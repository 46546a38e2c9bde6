import type {
  GuestPolicyPolicy,
  MilanGenoaSvns,
  PlatformInfoPolicy,
  ProductPolicy,
  ReportDataExpectation,
  ReportPolicy,
  SigningKey,
  TurinSvns,
} from "@constellation/sev-snp";
import { expectation, minimum } from "@constellation/fields";
import { BITS_64, bytes, choice, FLAG, type Field, list, object, oneOf, REASON, whole } from "@constellation/fields";

const BYTE = whole(0, 255);
const U32 = whole(0, 0xffff_ffff);
const flag = expectation(FLAG);

const GUEST_POLICY: Field<GuestPolicyPolicy> = object({
  abi: minimum(object({ major: BYTE, minor: BYTE })),
  smt: flag,
  migrateMa: flag,
  debug: flag,
  singleSocket: flag,
  cxlAllow: flag,
  memAes256Xts: flag,
  raplDis: flag,
  ciphertextHiding: flag,
  pageSwapDisable: flag,
});

const PLATFORM_INFO: Field<PlatformInfoPolicy> = object({
  smtEn: flag,
  tsmeEn: flag,
  eccEn: flag,
  raplDis: flag,
  ciphertextHidingDramEn: flag,
  aliasCheckComplete: flag,
  tioEn: flag,
  reserved: expectation(BITS_64),
});

const MILAN_GENOA: Field<MilanGenoaSvns> = object({ bootLoader: BYTE, tee: BYTE, snp: BYTE, microcode: BYTE });
const TURIN: Field<TurinSvns> = object({ bootLoader: BYTE, tee: BYTE, snp: BYTE, microcode: BYTE, fmc: BYTE });

function product<T>(svns: Field<T>): Field<ProductPolicy<T>> {
  return choice<ProductPolicy<T>>({
    minimum: { reported: svns, committed: svns, launch: svns },
    any: { reason: REASON },
    refuse: {},
  });
}

const REPORT_DATA: Field<ReportDataExpectation> = choice<ReportDataExpectation>({
  equal: { anyOf: list(bytes(64)) },
  prefix: { anyOf: list(bytes(1, 64)) },
  any: { reason: REASON },
});

const FIRMWARE = minimum(object({ major: BYTE, minor: BYTE, build: BYTE }));
/** Before version 5 a report has none, so a bound is always a number. */
const MIT_VECTOR = minimum(BITS_64 as Field<bigint | undefined>);

/** A policy for a report whose report data is bound to something else: a channel, or a paravisor's claims. */
export type BoundReportPolicy = Omit<ReportPolicy, "reportData">;

const BOUND_FIELDS = {
  version: minimum(U32),
  guestSvn: minimum(U32),
  policy: GUEST_POLICY,
  familyId: expectation(bytes(16)),
  imageId: expectation(bytes(16)),
  vmpl: expectation(whole(0, 3)),
  platformInfo: PLATFORM_INFO,
  authorKeyEn: flag,
  signingKey: expectation(oneOf<SigningKey>(["VCEK", "VLEK"])),
  measurement: expectation(bytes(48)),
  hostData: expectation(bytes(32)),
  idKeyDigest: expectation(bytes(48)),
  authorKeyDigest: expectation(bytes(48)),
  reportIdMa: expectation(bytes(32)),
  chipId: expectation(bytes(64)),
  current: FIRMWARE,
  committed: FIRMWARE,
  provisionalFirmware: flag,
  launchMitVector: MIT_VECTOR,
  currentMitVector: MIT_VECTOR,
  products: object({ Milan: product(MILAN_GENOA), Genoa: product(MILAN_GENOA), Turin: product(TURIN) }),
};

/** {@link BoundReportPolicy} as a document. */
export const BOUND_REPORT_POLICY: Field<BoundReportPolicy> = object<BoundReportPolicy>(BOUND_FIELDS);

/** {@link ReportPolicy} as a document. */
export const SEV_SNP_REPORT_POLICY: Field<ReportPolicy> = object<ReportPolicy>({
  ...BOUND_FIELDS,
  reportData: REPORT_DATA,
});
