import { hex } from "@constellation/bytes";
import { parseQeIdentity, parseTcbInfo } from "@constellation/tdx";
import { readCertificate, readCrl, readPemChain, reading } from "../vendor/forms.ts";
import {
  authorityKey,
  type Bundle,
  type BundledAuthority,
  type BundledCollateral,
  type BundledVcek,
} from "./bundle.ts";
import { collateralKey } from "./bundle.ts";

/** One part of a bundle. */
export interface BundlePart {
  /** For people: what it is, and of what. */
  readonly name: string;
  /** notAfter of a certificate, nextUpdate of all else. From then on evidence is refused for it. */
  readonly expires: Date;
}

/** What a bundle holds. */
export interface BundleDescription {
  readonly createdAt: Date;
  /** When the first part is over; undefined for an empty bundle. */
  readonly expires: Date | undefined;
  /** Soonest to be over first. */
  readonly parts: readonly BundlePart[];
}

const SHOWN_CHIP_ID_BYTES = 8;

/** Tells what of a bundle is over when. Throws `EndorsementError` "malformed" for a part that is not of its form. */
export function describeBundle(bundle: Bundle): BundleDescription {
  const parts = [
    ...bundle.authorities.flatMap(authorityParts),
    ...bundle.vceks.map(vcekPart),
    ...bundle.tdx.flatMap(collateralParts),
  ].sort((one, other) => one.expires.getTime() - other.expires.getTime());
  return { createdAt: bundle.createdAt, expires: parts[0]?.expires, parts };
}

function authorityParts(authority: BundledAuthority): BundlePart[] {
  const of = authorityKey(authority);
  return [
    ...authority.caChain.map((der) => certificatePart(of, der)),
    ...authority.crls.map((der) => crlPart(`CRL, ${of}`, der)),
  ];
}

function vcekPart({ product, chipId, tcb, endorsementCert }: BundledVcek): BundlePart {
  const chip = hex(chipId.subarray(0, SHOWN_CHIP_ID_BYTES));
  const name = `VCEK of ${product} chip ${chip}... at TCB ${hex(tcb)}`;
  return { name, expires: readCertificate(name, endorsementCert).notAfter };
}

function collateralParts(bundled: BundledCollateral): BundlePart[] {
  const { collateral } = bundled;
  const of = collateralKey(bundled);
  const tcbInfo = reading(`TCB info, ${of}`, () => parseTcbInfo(collateral.tcbInfo));
  const qeIdentity = reading(`QE identity, ${of}`, () => parseQeIdentity(collateral.qeIdentity));
  return [
    { name: `TCB info, ${of}`, expires: tcbInfo.nextUpdate },
    { name: `QE identity, ${of}`, expires: qeIdentity.nextUpdate },
    crlPart(`root CA CRL, ${of}`, collateral.rootCaCrl),
    crlPart(`PCK CRL, ${of}`, collateral.pckCrl),
    ...chainParts(`TCB info issuer chain, ${of}`, collateral.tcbInfoIssuerChain),
    ...chainParts(`QE identity issuer chain, ${of}`, collateral.qeIdentityIssuerChain),
    ...chainParts(`PCK CRL issuer chain, ${of}`, collateral.pckCrlIssuerChain),
  ];
}

function chainParts(of: string, pem: Uint8Array): BundlePart[] {
  return readPemChain(of, pem).map((der) => certificatePart(of, der));
}

function certificatePart(of: string, der: Uint8Array): BundlePart {
  const { subject, notAfter } = readCertificate(`certificate, ${of}`, der);
  return { name: `certificate ${subject.text}, ${of}`, expires: notAfter };
}

function crlPart(name: string, der: Uint8Array): BundlePart {
  return { name, expires: readCrl(name, der).nextUpdate };
}
