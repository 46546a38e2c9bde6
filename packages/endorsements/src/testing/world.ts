import { FAKE_PCK } from "@constellation/tdx/testing";
import type { NetworkDependencies, Notice } from "../cache/caching-client.ts";
import { MemoryStore } from "../cache/memory-store.ts";
import type { SevSnpPlatform, TdxPlatform } from "../source.ts";
import { createFetch, type Fetch } from "../http/fetch.ts";

/** A time at which what `FakeAmd` and `FakeIntel` issue by default is valid. */
export const FAKE_NOW = new Date("2026-01-01T00:00:00Z");

/** A platform of a fake AMD. */
export const FAKE_SEV_SNP: SevSnpPlatform = {
  product: "Milan",
  kind: "VCEK",
  chipId: new Uint8Array(64).fill(0xc1),
  tcb: Uint8Array.from([4, 0, 0, 0, 0, 0, 24, 219]),
};

/** A platform of a fake Intel. */
export const FAKE_TDX: TdxPlatform = { fmspc: FAKE_PCK.FMSPC, ca: "platform" };

/** A world whose time goes by when somebody waits. */
export class FakeWorld implements NetworkDependencies {
  readonly fetch: Fetch;
  readonly store = new MemoryStore();
  readonly notices: Notice[] = [];
  readonly waitsMs: number[] = [];
  time: Date;

  constructor({ time = FAKE_NOW, fetch = createFetch({ env: {} }) }: { time?: Date; fetch?: Fetch } = {}) {
    this.time = time;
    this.fetch = fetch;
  }

  readonly now = (): Date => this.time;

  readonly delay = async (waitMs: number, signal: AbortSignal): Promise<void> => {
    signal.throwIfAborted();
    this.waitsMs.push(waitMs);
    this.pass(waitMs);
  };

  readonly notify = (notice: Notice): void => {
    this.notices.push(notice);
  };

  /** Lets time go by. */
  pass(timeMs: number): void {
    this.time = new Date(this.time.getTime() + timeMs);
  }
}
