import type { BoundTdxPolicy } from "@constellation/evidence";
import { parseQuote, readTdAttributes, TD_ATTRIBUTES, type TdAttribute } from "@constellation/tdx";
import { FAKE_ISSUED, fakeTcbInfo } from "@constellation/tdx/testing";
import type { Expectation } from "@constellation/verdict";
import { equal, least, notStated } from "../expect.ts";
import type { FakeIntel } from "./fake-intel.ts";

/** A total policy that pins everything that a quote says, under one fake Intel, of a platform that is up to date. */
export function pinnedTdxPolicy(intel: FakeIntel, quote: Uint8Array): BoundTdxPolicy {
  const { body } = parseQuote(quote);
  const { flags } = readTdAttributes(body.TDATTRIBUTES);
  const attributes = TD_ATTRIBUTES.map((name) => [name, equal(flags[name])]);
  const { XFAM } = body;
  return {
    roots: [intel.root.certificate],
    collateral: {
      kind: "required",
      thisUpdate: { rootCaCrl: least(FAKE_ISSUED), pckCrl: least(FAKE_ISSUED) },
    },
    ccel: { kind: "required" },
    quote: {
      MRSEAM: equal(body.MRSEAM),
      MRSIGNERSEAM: equal(body.MRSIGNERSEAM),
      SEAMATTRIBUTES: equal(body.SEAMATTRIBUTES),
      TDATTRIBUTES: Object.fromEntries(attributes) as Record<TdAttribute, Expectation<boolean>>,
      XFAM: equal(new DataView(XFAM.buffer, XFAM.byteOffset).getBigUint64(0, true)),
      MRTD: equal(body.MRTD),
      MRCONFIGID: equal(body.MRCONFIGID),
      MROWNER: equal(body.MROWNER),
      MROWNERCONFIG: equal(body.MROWNERCONFIG),
      RTMR0: equal(body.RTMR0),
      RTMR1: equal(body.RTMR1),
      RTMR2: equal(body.RTMR2),
      RTMR3: equal(body.RTMR3),
      MRSERVICETD: body.tdxVersion === "1.5" ? equal(body.MRSERVICETD) : notStated("a TDX 1.0 body does not say"),
      tcb: {
        kind: "judged",
        acceptedTcbStatuses: ["UpToDate"],
        minimumTcbEvaluationDataNumber: fakeTcbInfo()["tcbEvaluationDataNumber"] as number,
      },
    },
  };
}
