import type { Expectation, Minimum } from "@constellation/verdict";
import type { TcbStatus } from "./tcb-status.ts";
import type { TdAttribute } from "./td-attributes.ts";

/** Which extended features a TD may use. */
export type XfamPolicy =
  /** Exactly one of these sets. */
  | Extract<Expectation<bigint>, { kind: "equal" }>
  /** No features but these. */
  | { readonly kind: "within"; readonly allowed: bigint }
  | { readonly kind: "any"; readonly reason: string };

/** What REPORTDATA must be. */
export type ReportDataPolicy =
  /** These 64 bytes. */
  | { readonly kind: "equal"; readonly value: Uint8Array }
  /** These 1 to 64 bytes, and whatever after them. */
  | { readonly kind: "prefix"; readonly prefix: Uint8Array }
  | { readonly kind: "any"; readonly reason: string };

/** A TCB status that a policy may accept: Revoked is none. */
export type AcceptableTcbStatus = Exclude<TcbStatus, "Revoked">;

/** How up to date a platform must be. */
export type TcbPolicy =
  | {
      readonly kind: "judged";
      /** An empty list accepts no platform. */
      readonly acceptedTcbStatuses: readonly AcceptableTcbStatus[];
      /** The least tcbEvaluationDataNumber of both TCB info and QE identity: Intel numbers its TCB recoveries. */
      readonly minimumTcbEvaluationDataNumber: number;
    }
  /** Any but one known to be revoked, by choice. */
  | { readonly kind: "any"; readonly reason: string };

/** When the CRLs of collateral were issued at the earliest: their thisUpdate (RFC 5280 section 5.1.2.4). */
export interface CrlPolicy {
  /** Of CAs and signers; current for about a year. */
  readonly rootCaCrl: Minimum<Date>;
  /** Of platforms; current for about a month. */
  readonly pckCrl: Minimum<Date>;
}

/** What is accepted of a TD and its platform. Total: every field is stated. */
export interface QuotePolicy {
  readonly MRSEAM: Expectation<Uint8Array>;
  /** Zeros are Intel's. */
  readonly MRSIGNERSEAM: Expectation<Uint8Array>;
  readonly SEAMATTRIBUTES: Expectation<Uint8Array>;
  readonly TDATTRIBUTES: Readonly<Record<TdAttribute, Expectation<boolean>>>;
  readonly XFAM: XfamPolicy;
  readonly MRTD: Expectation<Uint8Array>;
  readonly MRCONFIGID: Expectation<Uint8Array>;
  readonly MROWNER: Expectation<Uint8Array>;
  readonly MROWNERCONFIG: Expectation<Uint8Array>;
  readonly RTMR0: Expectation<Uint8Array>;
  readonly RTMR1: Expectation<Uint8Array>;
  readonly RTMR2: Expectation<Uint8Array>;
  readonly RTMR3: Expectation<Uint8Array>;
  readonly REPORTDATA: ReportDataPolicy;
  /** Zeros say that no service TD is bound. A TDX 1.0 body does not say: it passes "any" only. */
  readonly MRSERVICETD: Expectation<Uint8Array>;
  readonly tcb: TcbPolicy;
}
