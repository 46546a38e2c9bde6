import type { JsonFields } from "./json-fields.ts";
import { TCB_STATUSES, type TcbStatus } from "./tcb-status.ts";

/** What Intel says of a TCB level. */
export interface TcbLevel {
  /** Advisories up to this date are dealt with at this level, but for those listed. */
  readonly tcbDate: Date;
  readonly tcbStatus: TcbStatus;
  readonly advisoryIDs: readonly string[];
}

/** A level of a TDX module or an enclave. */
export interface IsvSvnLevel extends TcbLevel {
  readonly isvsvn: number;
}

const MAX_ISV_SVN = 0xffff;

/** Reads what all levels have. Throws `TdxError`. */
export function readTcbLevel(fields: JsonFields): TcbLevel {
  return {
    tcbDate: fields.date("tcbDate"),
    tcbStatus: fields.oneOf("tcbStatus", TCB_STATUSES),
    advisoryIDs: fields.texts("advisoryIDs"),
  };
}

/** Reads the list "tcbLevels" of a TDX module or an enclave, newest first. Throws `TdxError`. */
export function readIsvSvnLevels(fields: JsonFields): IsvSvnLevel[] {
  return fields.objects("tcbLevels").map((level) => ({
    isvsvn: level.object("tcb").count("isvsvn", MAX_ISV_SVN),
    ...readTcbLevel(level),
  }));
}

/** The first level that an SVN meets: the lists are sorted, newest first. */
export function matchIsvSvnLevel(levels: readonly IsvSvnLevel[], isvsvn: number): IsvSvnLevel | undefined {
  return levels.find((level) => isvsvn >= level.isvsvn);
}
