import type { MilanGenoaSvns, TurinSvns } from "../report-policy.ts";

/** Least SVNs of zero: any TCB version reaches them. */
export const NO_SVNS: MilanGenoaSvns & TurinSvns = { fmc: 0, bootLoader: 0, tee: 0, snp: 0, microcode: 0 };
