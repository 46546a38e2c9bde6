import { hex, utf8 } from "@constellation/bytes";
import { type KeyPair, signFixed } from "./certificates.ts";
import { FAKE_QE_REPORT } from "./fake-quote.ts";
import { FAKE_PCK } from "./sgx-extensions.ts";

/** A JSON object to be signed. */
export type Json = Readonly<Record<string, unknown>>;

const DATES = { issueDate: "2025-12-15T00:00:00Z", nextUpdate: "2026-01-15T00:00:00Z" };
const NEWEST_DATE = "2024-11-13T00:00:00Z";
const OLDER_DATE = "2024-03-13T00:00:00Z";

const padded = (svns: readonly number[]) => Array.from({ length: 16 }, (_, index) => svns[index] ?? 0);

/** A level of a platform, in JSON. */
export function platformLevel(
  sgx: readonly number[],
  pcesvn: number,
  tdx: readonly number[],
  tcbStatus = "UpToDate",
  more: Json = {},
): Json {
  const sgxtcbcomponents = padded(sgx).map((svn) => ({ svn }));
  const tdxtcbcomponents = padded(tdx).map((svn, index) => ({
    svn,
    ...(index === 2 && { category: "OS/VMM", type: "TDX Late Microcode Update" }),
  }));
  return {
    tcb: { sgxtcbcomponents, pcesvn, tdxtcbcomponents },
    tcbDate: tcbStatus === "UpToDate" ? NEWEST_DATE : OLDER_DATE,
    tcbStatus,
    ...more,
  };
}

/** A level of a TDX module or enclave, in JSON. */
export function isvSvnLevel(isvsvn: number, tcbStatus = "UpToDate", more: Json = {}): Json {
  return { tcb: { isvsvn }, tcbDate: tcbStatus === "UpToDate" ? NEWEST_DATE : OLDER_DATE, tcbStatus, ...more };
}

/** What all TDX modules of Intel's have, in JSON. */
export const INTEL_MODULE: Json = {
  mrsigner: "00".repeat(48),
  attributes: "00".repeat(8),
  attributesMask: "FF".repeat(8),
};

/** TCB info whose newest level is met by the fake platform and TD. */
export function fakeTcbInfo(): Json {
  const older = { advisoryIDs: ["INTEL-SA-00001", "INTEL-SA-00002"] };
  return {
    id: "TDX",
    version: 3,
    ...DATES,
    fmspc: hex(FAKE_PCK.FMSPC).toUpperCase(),
    pceId: hex(FAKE_PCK.PCEID),
    tcbType: 0,
    tcbEvaluationDataNumber: 17,
    tdxModule: INTEL_MODULE,
    tdxModuleIdentities: [
      { id: "TDX_03", ...INTEL_MODULE, tcbLevels: [isvSvnLevel(3)] },
      {
        id: "TDX_01",
        ...INTEL_MODULE,
        tcbLevels: [
          isvSvnLevel(6),
          isvSvnLevel(4, "OutOfDate", { advisoryIDs: ["INTEL-SA-00002", "INTEL-SA-00003"] }),
          isvSvnLevel(2, "Revoked"),
        ],
      },
    ],
    tcbLevels: [
      platformLevel([3, 3, 2, 2, 4, 1, 0, 5], 13, [5, 0, 3]),
      platformLevel([2, 2, 2, 2, 3, 1, 0, 5], 13, [5, 0, 2], "OutOfDate", older),
      platformLevel([2, 2, 2, 2, 3, 1, 0, 5], 5, [5, 0, 2], "OutOfDateConfigurationNeeded", older),
      platformLevel([1, 1, 1, 1, 1, 1, 0, 1], 5, [3, 0, 1], "Revoked"),
    ],
  };
}

/** The identity of the fake TD quoting enclave. */
export function fakeQeIdentity(): Json {
  return {
    id: "TD_QE",
    version: 2,
    ...DATES,
    tcbEvaluationDataNumber: 17,
    miscselect: hex(FAKE_QE_REPORT.MISCSELECT),
    miscselectMask: "FFFFFFFF",
    attributes: "11000000000000000000000000000000",
    attributesMask: "FBFFFFFFFFFFFFFF0000000000000000",
    mrsigner: hex(FAKE_QE_REPORT.MRSIGNER).toUpperCase(),
    isvprodid: FAKE_QE_REPORT.ISVPRODID,
    tcbLevels: [
      isvSvnLevel(6),
      isvSvnLevel(4, "OutOfDate", { advisoryIDs: ["INTEL-SA-00004"] }),
      isvSvnLevel(2, "Revoked"),
    ],
  };
}

/** An answer of the PCS: the object under its key, and the signature over it as it stands. */
export function signedAnswer(key: "tcbInfo" | "enclaveIdentity", object: Json, keys: KeyPair): Uint8Array {
  const text = JSON.stringify(object);
  return utf8(`{"${key}":${text},"signature":"${hex(signFixed(keys, utf8(text)))}"}`);
}
