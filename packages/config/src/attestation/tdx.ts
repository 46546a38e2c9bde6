import { fromHex } from "@constellation/bytes";
import type { BoundQuotePolicy, BoundTdxPolicy } from "@constellation/evidence";
import { openQuotePolicy, type XfamPolicy } from "@constellation/tdx";
import { INTEL_ROOT } from "@constellation/vendor-roots";
import { crlRule } from "./crls.ts";
import { rootsOf } from "./roots.ts";
import type { Section } from "./sections.ts";
import { launchExpectation } from "./sev-snp.ts";

/** What all sections of variants on TDX have. */
type TdxSection = Omit<Section<"qemuTDX">, "measurements">;

/** Registers of a TD, and why its launch measurement may be left out. */
export interface TdxPlatformRules extends Pick<BoundQuotePolicy, "RTMR0" | "RTMR1" | "RTMR2" | "RTMR3"> {
  readonly whyNoMeasurement: string;
}

const NOT_JUDGED = {
  kind: "any",
  reason: "not in the configuration: differs between hosts, or changes nothing",
} as const;
const BY_RECORD = {
  kind: "any",
  reason: "what the host bound to the machine is compared with the node records",
} as const;
const BY_INTEL = {
  kind: "any",
  reason: "mrSeam is not in the configuration: Intel's TCB info judges the module",
} as const;

/** The policy that a section stands for, of quotes that are bound to a channel. */
export function tdxPolicy(section: TdxSection, { whyNoMeasurement, ...registers }: TdxPlatformRules): BoundTdxPolicy {
  const { REPORTDATA: _, ...open } = openQuotePolicy(NOT_JUDGED);
  const no = { kind: "equal", anyOf: [false] } as const;
  const { acceptedTcbStatuses, minimumTcbEvaluationDataNumber, mrSeam } = section;
  return {
    roots: rootsOf([section.intelRootKey ?? INTEL_ROOT]),
    collateral: {
      kind: "required",
      thisUpdate: {
        rootCaCrl: crlRule("minimumRootCaCrlDate", section.minimumRootCaCrlDate),
        pckCrl: crlRule("minimumPckCrlDate", section.minimumPckCrlDate),
      },
    },
    ccel: { kind: "any", reason: "registers are compared with values; a log that is there is judged" },
    quote: {
      ...open,
      ...registers,
      MRSEAM: mrSeam === undefined ? BY_INTEL : { kind: "equal", anyOf: [fromHex(mrSeam)] },
      MRSIGNERSEAM: { kind: "equal", anyOf: [new Uint8Array(48)] },
      SEAMATTRIBUTES: { kind: "equal", anyOf: [new Uint8Array(8)] },
      TDATTRIBUTES: { ...open.TDATTRIBUTES, DEBUG: no, HGS_PLUS_PROF: no, PERF_PROF: no, PMT_PROF: no, MIGRATABLE: no },
      XFAM: xfamPolicy(section.xfam),
      MRTD: launchExpectation(section.launchMeasurements, whyNoMeasurement),
      MRCONFIGID: BY_RECORD,
      tcb: { kind: "judged", acceptedTcbStatuses, minimumTcbEvaluationDataNumber },
    },
  };
}

/** XFAM is 8 bytes, little-endian. */
function xfamPolicy(xfam: string | undefined): XfamPolicy {
  if (xfam === undefined) return { kind: "any", reason: "xfam is not in the configuration" };
  const bytes = fromHex(xfam);
  const value = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  return { kind: "equal", anyOf: [value] };
}
