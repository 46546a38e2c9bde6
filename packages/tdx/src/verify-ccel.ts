import { equalConstantTime, hex } from "@constellation/bytes";
import { about } from "@constellation/verdict";
import { attempt } from "./attempt.ts";
import { type Ccel, parseCcel, type Rtmr } from "./ccel.ts";
import { type Check, complete } from "./check.ts";
import { TdxError } from "./error.ts";
import type { TdReport } from "./td-report.ts";

const { check, fail, pass } = about("executables.log");

/** Registers that firmware, boot loader and kernel loader extend, so that the log must explain them in full. */
const LOGGED: readonly Rtmr[] = ["RTMR0", "RTMR1", "RTMR2"];
const ZERO = new Uint8Array(48);

const CCEL_CHECKS = ["ccel", "ccel.RTMR0", "ccel.RTMR1", "ccel.RTMR2", "ccel.RTMR3"];

/**
 * Verifies that a CC event log leads to the registers of a TD report. A register without events must be zero, but for
 * RTMR3: that is the running system's own, and compared only where the log speaks of it.
 */
export function verifyCcel(body: TdReport, area: Uint8Array): Check[] {
  const { value: ccel, error } = attempt([TdxError], () => parseCcel(area));
  if (error) return complete(CCEL_CHECKS, [fail("ccel", error.code, { reason: error.message })]);
  return [pass("ccel", { got: `${ccel.log.events.length} events` }), ...compareAll(body, ccel)];
}

function compareAll(body: TdReport, { rtmrs }: Ccel): Check[] {
  const logged = LOGGED.map((name) => compare(name, body[name], rtmrs.get(name) ?? ZERO));
  const rtmr3 = rtmrs.get("RTMR3");
  return [...logged, rtmr3 ? compare("RTMR3", body.RTMR3, rtmr3) : pass("ccel.RTMR3", { got: "not logged" })];
}

function compare(name: Rtmr, quoted: Uint8Array, explained: Uint8Array): Check {
  const holds = equalConstantTime(quoted, explained);
  return check(holds, `ccel.${name}`, "ccel_rtmr_mismatch", hex(explained), hex(quoted));
}
