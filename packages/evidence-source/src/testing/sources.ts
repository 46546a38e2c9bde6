import assert from "node:assert/strict";
import { type Evidence, parseEvidence, type PlatformVariant } from "@constellation/attestation";
import { createEvidenceSource, type EvidenceSource } from "../evidence-source.ts";
import type { SourceDependencies } from "../system/dependencies.ts";
import { createDirectFetch } from "../system/fetch.ts";
import { FakeClock } from "./fake-clock.ts";
import { type FakeHost, systemError } from "./fake-host.ts";
import type { FakeNv } from "./fake-nv.ts";

/** Report data of most tests. */
export const DATA = Uint8Array.from({ length: 64 }, (_, index) => index);

/** A machine that is not there. */
export interface FakeMachine {
  readonly host: FakeHost;
  /** Without it the machine has no TPM. */
  readonly nv?: FakeNv;
  /** Of the metadata service; by default there is none. */
  readonly origin?: string;
  readonly timeoutMs?: number;
}

/** A source on such a machine, and its clock. */
export function fakeSource(
  variant: PlatformVariant,
  { host, nv, origin = "http://127.0.0.1:9", timeoutMs = 60_000 }: FakeMachine,
): EvidenceSource & { readonly clock: FakeClock } {
  const clock = new FakeClock();
  const dependencies: SourceDependencies = {
    files: host,
    openTpm: async () => {
      if (nv === undefined) throw systemError("ENOENT");
      return nv;
    },
    fetch: createDirectFetch(),
    clock,
  };
  const options = { reportEntry: "test", metadata: { origin, timeoutMs, maxAttempts: 2 } };
  return { ...createEvidenceSource(variant, options, dependencies), clock };
}

/** The evidence that such a machine issues, as a verifier reads it. */
export async function issued<V extends PlatformVariant>(variant: V, machine: FakeMachine) {
  const evidence = parseEvidence(await fakeSource(variant, machine).issue(DATA, new AbortController().signal));
  assert.equal(evidence.variant, variant);
  return evidence as Extract<Evidence, { variant: V }>;
}
