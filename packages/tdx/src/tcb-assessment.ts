import type { TcbStatus } from "./tcb-status.ts";

/** An SVN below what the newest level wants. */
export interface LaggingComponent {
  /** Where, by the names of the TCB info, with the component's own type where Intel gives it. */
  readonly component: string;
  readonly got: number;
  /** What the newest level wants. */
  readonly wanted: number;
}

/** How a part of the TCB stands: the level that it meets, and what it lacks to the newest. */
export interface TcbPart {
  readonly tcbStatus: TcbStatus;
  readonly tcbDate: Date;
  readonly advisoryIDs: readonly string[];
  /** Empty where the part meets the newest level. */
  readonly lagging: readonly LaggingComponent[];
  /** The newest level, which would be needed to lag nowhere. */
  readonly newestLevel: { readonly tcbStatus: TcbStatus; readonly tcbDate: Date };
}

/** How up to date a platform is. To be believed only where the quote is verified. */
export interface TcbAssessment {
  /** The status of the whole. */
  readonly tcbStatus: TcbStatus;
  /** The earliest date among the parts. */
  readonly tcbDate: Date;
  /** Advisories that any part is open to, each once. */
  readonly advisoryIDs: readonly string[];
  readonly tcbEvaluationDataNumber: { readonly tcbInfo: number; readonly qeIdentity: number };
  readonly platform: TcbPart;
  /** For TDX modules with a major version of 1 or more; the platform's levels cover older ones. */
  readonly tdxModule?: TcbPart;
  readonly qe: TcbPart;
  /**
   * True where the platform is out of date only because the TD was started under an older TDX module than the one that
   * runs now: starting the TD again would mend it. The status is OutOfDate all the same.
   */
  readonly relaunchAdvised: boolean;
}
