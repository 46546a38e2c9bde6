import {
  type QuotePolicy,
  type ReportDataPolicy,
  TCB_STATUSES,
  TD_ATTRIBUTES,
  type TcbPolicy,
  type TdAttribute,
  type XfamPolicy,
} from "@constellation/tdx";
import type { Expectation } from "@constellation/verdict";
import { expectation } from "@constellation/fields";
import { BITS_64, bytes, choice, FLAG, type Field, list, object, oneOf, REASON, whole } from "@constellation/fields";

const REGISTER = expectation(bytes(48));

const XFAM: Field<XfamPolicy> = choice<XfamPolicy>({
  equal: { anyOf: list(BITS_64) },
  within: { allowed: BITS_64 },
  any: { reason: REASON },
});

const REPORT_DATA: Field<ReportDataPolicy> = choice<ReportDataPolicy>({
  equal: { value: bytes(64) },
  prefix: { prefix: bytes(1, 64) },
  any: { reason: REASON },
});

const ACCEPTABLE = TCB_STATUSES.filter((status) => status !== "Revoked");

const TCB: Field<TcbPolicy> = choice<TcbPolicy>({
  judged: { acceptedTcbStatuses: list(oneOf(ACCEPTABLE)), minimumTcbEvaluationDataNumber: whole(0, 0xffff_ffff) },
  any: { reason: REASON },
});

const attributes = TD_ATTRIBUTES.map((name) => [name, expectation(FLAG)] as const);

/** A policy for a quote whose report data is bound to something else: a channel, or a paravisor's claims. */
export type BoundQuotePolicy = Omit<QuotePolicy, "REPORTDATA">;

const BOUND_FIELDS = {
  MRSEAM: REGISTER,
  MRSIGNERSEAM: REGISTER,
  SEAMATTRIBUTES: expectation(bytes(8)),
  TDATTRIBUTES: object(Object.fromEntries(attributes) as Record<TdAttribute, Field<Expectation<boolean>>>),
  XFAM,
  MRTD: REGISTER,
  MRCONFIGID: REGISTER,
  MROWNER: REGISTER,
  MROWNERCONFIG: REGISTER,
  RTMR0: REGISTER,
  RTMR1: REGISTER,
  RTMR2: REGISTER,
  RTMR3: REGISTER,
  MRSERVICETD: REGISTER,
  tcb: TCB,
};

/** {@link BoundQuotePolicy} as a document. */
export const BOUND_QUOTE_POLICY: Field<BoundQuotePolicy> = object<BoundQuotePolicy>(BOUND_FIELDS);

/** {@link QuotePolicy} as a document. */
export const TDX_QUOTE_POLICY: Field<QuotePolicy> = object<QuotePolicy>({ ...BOUND_FIELDS, REPORTDATA: REPORT_DATA });
