import {
  EventLogError,
  parseCcEventLog,
  parseEventLog,
  parseLegacyEventLog,
  parsePe,
  parseUki,
} from "@constellation/eventlog";
import { buildPe } from "@constellation/testkit";
import type { Target } from "../target.ts";
import type { Vectors } from "../vectors.ts";

/** Parsers of the package `eventlog`. */
export const TARGETS: readonly Target[] = [
  { name: "eventlog.tcg", parse: parseEventLog, error: EventLogError, seeds: tcgSeeds },
  {
    name: "eventlog.cc",
    parse: parseCcEventLog,
    error: EventLogError,
    seeds: (vectors) => [...vectors.byRole(["ccel"]), ...vectors.byRole(["eventlog"], "ccel")],
  },
  { name: "eventlog.legacy", parse: parseLegacyEventLog, error: EventLogError, seeds: tcgSeeds },
  { name: "eventlog.pe", parse: parsePe, error: EventLogError, seeds: imageSeeds },
  { name: "eventlog.uki", parse: parseUki, error: EventLogError, seeds: imageSeeds },
];

function tcgSeeds(vectors: Vectors): Uint8Array[] {
  return vectors.byRole(["eventlog"], "tpm-eventlog");
}

/** A small unified kernel image, and an image that is signed. */
function imageSeeds(): Uint8Array[] {
  const linux = buildPe({ sections: [{ name: ".text", content: Buffer.from("kernel") }] });
  const sections = [
    { name: ".sdmagic", content: Buffer.from("#### LoaderInfo: systemd-stub 257.13-1~deb13u1 ####\0") },
    { name: ".osrel", content: Buffer.from("ID=constellation\n") },
    { name: ".cmdline", content: Buffer.from("quiet\0") },
    { name: ".initrd", content: Buffer.from("initrd") },
    { name: ".linux", content: linux },
  ];
  return [buildPe({ sections }), buildPe({ sections: sections.slice(0, 1), certificates: Buffer.alloc(64, 9) })].map(
    (image) => new Uint8Array(image),
  );
}
