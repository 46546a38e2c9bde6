import { createECDH } from "node:crypto";
import { TpmError } from "./error.ts";
import type { EccPublic } from "./public-area.ts";
import { leftPad } from "./spki.ts";

/** The public half of a key that was made for one exchange, and what the exchange gave. */
export interface EphemeralExchange {
  readonly x: Uint8Array;
  readonly y: Uint8Array;
  /** The x-coordinate of the shared point: secret. */
  readonly z: Uint8Array;
}

const FIELD_BYTES = 32;
const MAX_KEY_DRAWS = 16;

/**
 * One-pass ECDH with a TPM's P-256 key (Part 1, C.6.1).
 * @param operation for messages, for example `Make credential`
 * @throws TpmError `key` where the TPM's key is no point of the curve
 */
export function ephemeralExchange(
  operation: string,
  key: EccPublic,
  random: (size: number) => Uint8Array,
): EphemeralExchange {
  const ecdh = ephemeralKey(operation, random);
  const point = ecdh.getPublicKey();
  try {
    const keyPoint = Buffer.concat([Buffer.of(4), coordinate(key, "x"), coordinate(key, "y")]);
    // Refuses points off the curve, so no small subgroup can be forced on us.
    const z = new Uint8Array(ecdh.computeSecret(keyPoint));
    return { x: point.subarray(1, 1 + FIELD_BYTES), y: point.subarray(1 + FIELD_BYTES), z };
  } catch (cause) {
    throw new TpmError("key", `${operation} failed: the TPM's key is not a point on P-256`, { cause });
  }
}

/** A coordinate of a P-256 key in full length. */
export function coordinate(key: EccPublic, axis: "x" | "y"): Uint8Array {
  return leftPad(key.unique[axis], FIELD_BYTES, `TPMS_ECC_POINT.${axis}`);
}

/** A private key by rejection: 32 random bytes fit the group order but for one draw in 2^32. */
function ephemeralKey(operation: string, random: (size: number) => Uint8Array): ReturnType<typeof createECDH> {
  for (let draw = 0; draw < MAX_KEY_DRAWS; draw++) {
    const ecdh = createECDH("prime256v1");
    try {
      ecdh.setPrivateKey(random(FIELD_BYTES));
      return ecdh;
    } catch {
      // Zero or not below the group order: draw again.
    }
  }
  throw new TpmError("key", `${operation} failed: got no valid ephemeral key in ${MAX_KEY_DRAWS} draws`);
}
