import { fromHex } from "@constellation/bytes";
import { KmsError, parseEnvelope, parseTtlv } from "@constellation/kms";
import type { Target } from "../target.ts";

const ENVELOPE = `636b6d73010200026164000b6b65792d6e616d652d3031000401020304${"11".repeat(12)}${"22".repeat(48)}`;
/** A response to Encrypt, and items of the types that it has none of. */
const MESSAGE =
  "42007b01000000a842007a0100000048420069010000002042006a0200000004000000010000000042006b020000000400000004000000004200" +
  "9209000000080000000047da67f842000d02000000040000000100000000" +
  "42000f010000005042005c05000000040000001f0000000042007f0500000004000000000000000042007c01000000284200940700000001310000" +
  "00000000004200c20800000003010203000000000042003d0800000000";
const ITEMS =
  "42002001000000304200200300000008" +
  "01b69b4ba5749200" +
  "420020060000000800000000000000014200200a00000004000d2f0000000000";

/** Parsers of the package `kms`. */
export const TARGETS: readonly Target[] = [
  { name: "kms.envelope", parse: parseEnvelope, error: KmsError, seeds: () => [fromHex(ENVELOPE)] },
  { name: "kms.ttlv", parse: parseTtlv, error: KmsError, seeds: () => [fromHex(MESSAGE), fromHex(ITEMS)] },
];
