import { randomBytes } from "node:crypto";
import { Secret } from "@constellation/keys";
import { EnvelopeKms } from "../envelope/envelope-kms.ts";
import { KmsError, type KmsErrorCode } from "../error.ts";
import type { KeyWrapper } from "../key-wrapper.ts";

/** A KMS in memory, and how it behaves from now on. */
export interface MemoryKms {
  readonly kms: EnvelopeKms;
  /** An error with which it answers every call; undefined for none. */
  failure: KmsErrorCode | undefined;
  /** Whether it gives another key than it was given. */
  lies: boolean;
  /** How often it was asked to unwrap. */
  unwraps: number;
}

/** A KMS that keeps content keys under their wrapped bytes. */
export function memoryKms(): MemoryKms {
  const keys = new Map<string, Uint8Array>();
  const state: MemoryKms = { kms: undefined as never, failure: undefined, lies: false, unwraps: 0 };
  const requireUp = (): void => {
    if (state.failure !== undefined) throw new KmsError(state.failure, `Ask test KMS failed: got "${state.failure}"`);
  };
  const wrapper: KeyWrapper = {
    kind: "kmip",
    async wrapKey(key) {
      requireUp();
      const bytes = new Uint8Array(randomBytes(16));
      keys.set(Buffer.from(bytes).toString("hex"), Uint8Array.from(key.reveal()));
      return { keyName: "kek", bytes };
    },
    async unwrapKey({ bytes }) {
      state.unwraps++;
      requireUp();
      const key = keys.get(Buffer.from(bytes).toString("hex"));
      if (key === undefined) throw new KmsError("kms_denied", "Ask test KMS failed: got an unknown key");
      return new Secret(state.lies ? key.map((byte) => byte ^ 1) : key);
    },
    describeKey: () => Promise.resolve({ state: "enabled", kind: "test" }),
  };
  return Object.assign(state, { kms: new EnvelopeKms(wrapper, randomBytes) });
}
