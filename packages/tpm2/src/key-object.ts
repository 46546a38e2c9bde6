import { createPublicKey, type KeyObject } from "node:crypto";
import type { TpmtPublic } from "./public-area.ts";
import { tpmPublicToSpki } from "./spki.ts";

/** The key of a public area for node:crypto. Throws as {@link tpmPublicToSpki}. */
export function publicKeyOf(area: TpmtPublic): KeyObject {
  return createPublicKey({ key: Buffer.from(tpmPublicToSpki(area)), format: "der", type: "spki" });
}
