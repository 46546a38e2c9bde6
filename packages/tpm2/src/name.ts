import { digest } from "./hash.ts";
import type { TpmtPublic } from "./public-area.ts";
import { serializePublic } from "./public-area.ts";
import { Writer } from "./writer.ts";

/** The Name of an object: its nameAlg, then the digest of its public area (Part 1, 16). */
export function computeName(area: TpmtPublic): Uint8Array {
  return new Writer()
    .u16(area.nameAlg)
    .bytes(digest(area.nameAlg, serializePublic(area)))
    .finish();
}
