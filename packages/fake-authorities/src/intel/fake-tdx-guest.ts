import { randomBytes } from "node:crypto";
import {
  FAKE_BODY,
  type FakeBody,
  fakeCcel,
  fakeQuote,
  type FakeQuoteRequest,
  fakeRtmr,
  type Identity,
} from "@constellation/tdx/testing";

/** What a fake TD is made of. */
export interface FakeTdxGuestParts {
  readonly pck: Identity;
  /** PEM of the PCK certificate and its issuers. */
  readonly chain: Uint8Array;
  readonly body: Partial<FakeBody> | undefined;
  readonly events: readonly (readonly string[])[] | undefined;
}

/** A TD on a platform that a fake Intel certified: quotes of any claims, and the event log behind its registers. */
export class FakeTdxGuest {
  readonly pck: Identity;
  /** The CC event log that leads to RTMR0, RTMR1 and RTMR2. */
  readonly ccel: Uint8Array;
  /** What its quotes say. */
  readonly body: FakeBody;
  readonly #chain: Uint8Array;

  constructor({ pck, chain, body, events = randomEvents() }: FakeTdxGuestParts) {
    this.pck = pck;
    this.#chain = chain;
    this.ccel = fakeCcel(events.flatMap((texts, index) => texts.map((data) => ({ register: index + 1, data }))));
    const [RTMR0, RTMR1, RTMR2] = [0, 1, 2].map((index) => fakeRtmr(...(events[index] ?? []))) as Rtmrs;
    const [MRTD, MRCONFIGID] = [new Uint8Array(randomBytes(48)), new Uint8Array(randomBytes(48))];
    this.body = { ...FAKE_BODY, MRTD, MRCONFIGID, RTMR0, RTMR1, RTMR2, ...body };
  }

  /** A quote; of version 5 with a body of TDX 1.5 where nothing else is asked for. */
  quote({ body, ...request }: Partial<FakeQuoteRequest> = {}): Uint8Array {
    return fakeQuote({
      version: 5,
      tdxVersion: "1.5",
      pckKeys: this.pck.keys,
      pckCertificateChain: this.#chain,
      ...request,
      body: { ...this.body, ...body },
    });
  }
}

type Rtmrs = [Uint8Array, Uint8Array, Uint8Array];

function randomEvents(): string[][] {
  const text = randomBytes(8).toString("hex");
  return [[`firmware ${text}`], [`loader ${text}`, `kernel ${text}`], [`command line ${text}`]];
}
