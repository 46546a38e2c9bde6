import { createHash } from "node:crypto";
import { concat, fromHex, utf8 } from "@constellation/bytes";
import type { TdReport15 } from "../td-report.ts";
import { type KeyPair, newKeys, signFixed } from "./certificates.ts";

/** The fields of a TD report. */
export type FakeBody = Omit<TdReport15, "tdxVersion">;

/** The fields of a QE report that are judged. */
export interface FakeQeReport {
  readonly MISCSELECT: Uint8Array;
  readonly ATTRIBUTES: Uint8Array;
  readonly MRSIGNER: Uint8Array;
  readonly ISVPRODID: number;
  readonly ISVSVN: number;
  /** By default the one that binds the attestation key. */
  readonly REPORTDATA?: Uint8Array;
}

/** What a quote is made of; all has defaults. */
export interface FakeQuoteRequest {
  readonly version: 4 | 5;
  readonly tdxVersion: "1.0" | "1.5";
  readonly body: Partial<FakeBody>;
  readonly qeReport: Partial<FakeQeReport>;
  readonly qeAuthenticationData: Uint8Array;
  /** Signs header and body. */
  readonly attestationKeys: KeyPair;
  /** Stands in the quote in the place of the attestation key's. */
  readonly attestationKey: Uint8Array;
  /** Signs the QE report. */
  readonly pckKeys: KeyPair;
  readonly pckCertificateChain: Uint8Array;
  /** Zero bytes behind the signature data. */
  readonly paddingBytes: number;
}

const filled = (sizeBytes: number, value: number) => new Uint8Array(sizeBytes).fill(value);
const u16 = (value: number) => Uint8Array.of(value, value >> 8);
const u32 = (value: number) => Uint8Array.of(value, value >> 8, value >> 16, value >> 24);

/** A TD at the newest level of `newestTcbInfo`, with SEPT_VE_DISABLE and the features of a current processor. */
export const FAKE_BODY: FakeBody = {
  TEE_TCB_SVN: fromHex("06010300000000000000000000000000"),
  MRSEAM: filled(48, 0x5e),
  MRSIGNERSEAM: filled(48, 0),
  SEAMATTRIBUTES: filled(8, 0),
  TDATTRIBUTES: fromHex("0000001000000000"),
  XFAM: fromHex("e702060000000000"),
  MRTD: filled(48, 0xd0),
  MRCONFIGID: filled(48, 0xc1),
  MROWNER: filled(48, 0xc2),
  MROWNERCONFIG: filled(48, 0xc3),
  RTMR0: filled(48, 0x10),
  RTMR1: filled(48, 0x11),
  RTMR2: filled(48, 0x12),
  RTMR3: filled(48, 0x13),
  REPORTDATA: filled(64, 0xda),
  TEE_TCB_SVN_2: fromHex("06010300000000000000000000000000"),
  MRSERVICETD: filled(48, 0),
};

/** Intel's TD quoting enclave as the fake QE identity wants it. */
export const FAKE_QE_REPORT: FakeQeReport = {
  MISCSELECT: filled(4, 0),
  ATTRIBUTES: fromHex("1500000000000000e700000000000000"),
  MRSIGNER: filled(32, 0xdc),
  ISVPRODID: 2,
  ISVSVN: 6,
};

const AUTHENTICATION_DATA = Uint8Array.from({ length: 32 }, (_, index) => index);

/** The bytes of a quote, signed with the keys given. */
export function fakeQuote(
  request: Partial<FakeQuoteRequest> & Pick<FakeQuoteRequest, "pckKeys" | "pckCertificateChain">,
): Uint8Array {
  const { version = 4, attestationKeys = newKeys(), qeAuthenticationData = AUTHENTICATION_DATA } = request;
  const signed = concat(header(version), body(version, request.tdxVersion ?? "1.0", { ...FAKE_BODY, ...request.body }));
  const attestationKey = request.attestationKey ?? rawPublicKey(attestationKeys);
  const bound = createHash("sha256").update(attestationKey).update(qeAuthenticationData).digest();
  const qeReport = enclaveReport({ REPORTDATA: concat(bound, filled(32, 0)), ...FAKE_QE_REPORT, ...request.qeReport });
  const certification = concat(
    qeReport,
    signFixed(request.pckKeys, qeReport),
    u16(qeAuthenticationData.length),
    qeAuthenticationData,
    u16(5),
    u32(request.pckCertificateChain.length),
    request.pckCertificateChain,
  );
  const signatureData = concat(
    signFixed(attestationKeys, signed),
    attestationKey,
    u16(6),
    u32(certification.length),
    certification,
  );
  return concat(signed, u32(signatureData.length), signatureData, filled(request.paddingBytes ?? 0, 0));
}

function header(version: number): Uint8Array {
  const vendor = fromHex("939a7233f79c4ca9940a0db3957f0607");
  return concat(u16(version), u16(2), u32(0x81), u32(0), vendor, utf8("fake user data......"));
}

function body(version: 4 | 5, tdxVersion: "1.0" | "1.5", fields: FakeBody): Uint8Array {
  const { TEE_TCB_SVN_2, MRSERVICETD, ...common } = fields;
  const report = concat(...(Object.keys(FAKE_BODY) as (keyof FakeBody)[]).flatMap((name) => pick(common, name)));
  if (version === 4) return report;
  if (tdxVersion === "1.0") return concat(u16(2), u32(report.length), report);
  const report15 = concat(report, TEE_TCB_SVN_2, MRSERVICETD);
  return concat(u16(3), u32(report15.length), report15);
}

function pick(fields: Partial<FakeBody>, name: keyof FakeBody): Uint8Array[] {
  const value = fields[name];
  return value === undefined ? [] : [value];
}

function enclaveReport(report: FakeQeReport & { readonly REPORTDATA: Uint8Array }): Uint8Array {
  return concat(
    filled(16, 0x03),
    report.MISCSELECT,
    filled(28, 0),
    report.ATTRIBUTES,
    filled(32, 0x3e),
    filled(32, 0),
    report.MRSIGNER,
    filled(96, 0),
    u16(report.ISVPRODID),
    u16(report.ISVSVN),
    filled(60, 0),
    report.REPORTDATA,
  );
}

function rawPublicKey({ publicKey }: KeyPair): Uint8Array {
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  return new Uint8Array(Buffer.concat([Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]));
}
