import type { z } from "zod";
import { TCB_STATUSES, type AcceptableTcbStatus } from "@constellation/tdx";
import { isCertificatePem, isDay, isHex } from "../formats.ts";
import { isPcrIndex } from "../measurements.ts";
import { choice, fields, flag, listOf, mapOf, text, wholeNumber } from "../schema.ts";

/** Bytes of a register by the hash that it is extended with. */
const SHA256_BYTES = 32;
const SHA384_BYTES = 48;

const svn = wholeNumber(0, 255);
/** A day as RFC 3339 has it, from its first second on (UTC). */
const day = text('a date in quotes, such as "2026-01-31"', isDay).transform((value) => new Date(`${value}T00:00:00Z`));
const pem = text("a certificate in PEM", isCertificatePem);

function hexBytes(lengthBytes: number, wanted = `${lengthBytes * 2} hexadecimal digits in quotes`) {
  return text(wanted, (value) => isHex(value, lengthBytes)).transform((value) => value.toLowerCase());
}

/** Expected value of one register, of this many bytes. */
function measurement(lengthBytes: number) {
  const placeholder = "1234".repeat(lengthBytes / 2);
  const wanted = `${lengthBytes * 2} hexadecimal digits in quotes, not the placeholder 1234...`;
  return fields({
    expected: text(wanted, (value) => isHex(value, lengthBytes) && value !== placeholder).transform((value) =>
      value.toLowerCase(),
    ),
    warnOnly: flag(),
  });
}

function pcrs(lengthBytes: number) {
  return mapOf("a PCR index from 0 to 15", isPcrIndex, measurement(lengthBytes), "a mapping from PCR index");
}

const rtmrs = mapOf(
  "an RTMR index from 0 to 3",
  (key) => /^[0-3]$/.test(key),
  measurement(SHA384_BYTES),
  "a mapping from RTMR index",
);

const launchMeasurements = listOf(
  hexBytes(SHA384_BYTES).refine(
    (value) => value !== "1234".repeat(SHA384_BYTES / 2),
    "96 hexadecimal digits in quotes, not the placeholder 1234...",
  ),
  "a list of launch measurements",
).default([]);

/** AMD's product lines. */
const PRODUCTS = ["Milan", "Genoa", "Turin"] as const;

const SEV_SNP = {
  product: choice(PRODUCTS).default("Milan"),
  bootloaderVersion: svn,
  teeVersion: svn,
  snpVersion: svn,
  microcodeVersion: svn,
  fmcVersion: svn.default(0),
  amdRootKey: pem.optional(),
  requireRevocationList: flag().default(true),
  minimumCrlDate: day.optional(),
  launchMeasurements,
};

const ACCEPTABLE = TCB_STATUSES.filter((status): status is AcceptableTcbStatus => status !== "Revoked");

const TDX = {
  mrSeam: hexBytes(SHA384_BYTES).optional(),
  xfam: hexBytes(8).optional(),
  acceptedTcbStatuses: listOf(
    choice(ACCEPTABLE as [AcceptableTcbStatus, ...AcceptableTcbStatus[]]),
    "a list of TCB statuses",
  )
    .refine((list) => list.length > 0, "a list with at least one TCB status")
    .default(["UpToDate"]),
  minimumTcbEvaluationDataNumber: wholeNumber(0, 0xffff_ffff).default(0),
  minimumRootCaCrlDate: day.optional(),
  minimumPckCrlDate: day.optional(),
  intelRootKey: pem.optional(),
  launchMeasurements,
};

/** The ID key digest of Azure's paravisor, as its machines report it. */
const AZURE_ID_KEY_DIGEST =
  "0356215882a825279a85b300b0b742931d113bf7e32dde2e50ffde7ec743ca491ecdd7f336dc28a6e0b2bb57af7a44a3";

const tpmRootKeys = listOf(pem, "a list of certificates in PEM");

/** Fields of each variant's section of `attestation`. */
export const SECTIONS = {
  awsSEVSNP: fields({ measurements: pcrs(SHA384_BYTES), nitroRootKey: pem.optional(), ...SEV_SNP }),
  awsNitroTPM: fields({ measurements: pcrs(SHA384_BYTES), nitroRootKey: pem.optional() }),
  azureSEVSNP: fields({
    measurements: pcrs(SHA256_BYTES),
    ...SEV_SNP,
    firmwareSignerConfig: fields({
      acceptedKeyDigests: listOf(hexBytes(SHA384_BYTES), "a list of ID key digests").default([AZURE_ID_KEY_DIGEST]),
      enforcementPolicy: choice(["equal", "warnOnly"]).default("equal"),
    }).prefault({}),
  }),
  azureTDX: fields({ measurements: pcrs(SHA256_BYTES), ...TDX }),
  azureTrustedLaunch: fields({
    measurements: pcrs(SHA256_BYTES),
    tpmRootKeys: tpmRootKeys.refine((list) => list.length > 0, "a list with at least one certificate in PEM"),
  }),
  gcpSEVES: fields({ measurements: pcrs(SHA256_BYTES), tpmRootKeys: tpmRootKeys.optional() }),
  gcpSEVSNP: fields({ measurements: pcrs(SHA256_BYTES), ...SEV_SNP, tpmRootKeys: tpmRootKeys.optional() }),
  gcpTDX: fields({ measurements: pcrs(SHA256_BYTES), ...TDX, tpmRootKeys: tpmRootKeys.optional() }),
  qemuSEVSNP: fields(SEV_SNP),
  qemuTDX: fields({ measurements: rtmrs, ...TDX }),
  qemuVTPM: fields({ measurements: pcrs(SHA256_BYTES) }),
} as const;

/** Name of a section of `attestation`. */
export type SectionName = keyof typeof SECTIONS;

/** A checked section, with defaults filled in. */
export type Section<Name extends SectionName> = z.output<(typeof SECTIONS)[Name]>;

/** Expected values of registers, by index. */
export type Measurements = Readonly<Record<string, { readonly expected: string; readonly warnOnly: boolean }>>;
