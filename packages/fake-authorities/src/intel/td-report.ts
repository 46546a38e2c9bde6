import { concat } from "@constellation/bytes";
import type { FakeBody } from "@constellation/tdx/testing";

/** The TDREPORT that a quote is made of (Intel TDX Module ABI Specification, TDREPORT_STRUCT); 1024 bytes, no MAC. */
export function writeTdReport(body: FakeBody): Uint8Array {
  const zeros = (sizeBytes: number) => new Uint8Array(sizeBytes);
  const reportMac = concat(Uint8Array.of(0x81), zeros(127), body.REPORTDATA, zeros(64));
  const teeTcbInfo = concat(
    zeros(8),
    body.TEE_TCB_SVN,
    body.MRSEAM,
    body.MRSIGNERSEAM,
    body.SEAMATTRIBUTES,
    body.TEE_TCB_SVN_2,
    zeros(95),
  );
  const tdInfo = concat(
    body.TDATTRIBUTES,
    body.XFAM,
    body.MRTD,
    body.MRCONFIGID,
    body.MROWNER,
    body.MROWNERCONFIG,
    body.RTMR0,
    body.RTMR1,
    body.RTMR2,
    body.RTMR3,
    body.MRSERVICETD,
    zeros(64),
  );
  return concat(reportMac, teeTcbInfo, zeros(17), tdInfo);
}
