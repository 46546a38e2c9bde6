import { fromLatin1 } from "@constellation/bytes";
import { EventLogError } from "./error.ts";
import type { PeImage, PeSection } from "./pe.ts";
import { parsePe, sectionContent } from "./pe.ts";

/**
 * The sections that systemd-stub knows, in the order in which it measures them; `.pcrsig` is never measured
 * (systemd-stub(7), "TPM PCR Notes"; UAPI.5 Unified Kernel Image, "PCR measurements").
 */
export const MEASURED_SECTIONS = [
  ".linux",
  ".osrel",
  ".cmdline",
  ".initrd",
  ".ucode",
  ".splash",
  ".dtb",
  ".uname",
  ".sbat",
  ".pcrpkey",
] as const;

/** A section of a unified kernel image by name. */
export type UkiSection = (typeof MEASURED_SECTIONS)[number] | ".pcrsig";

/** A unified kernel image of systemd-stub: its known sections as they are in memory. */
export interface Uki {
  readonly sections: ReadonlyMap<UkiSection, Uint8Array>;
  /** The kernel image, from `.linux`. */
  readonly linux: Uint8Array;
}

/** The major version of systemd-stub whose measurements this package knows. */
export const STUB_VERSION = 257;

/** What the stub chooses at boot, by the machine or its arguments, can't be predicted from the image. */
const REFUSED_SECTIONS: ReadonlySet<string> = new Set([".profile", ".dtbauto", ".hwids", ".efifw"]);
const KNOWN_SECTIONS: ReadonlySet<string> = new Set([...MEASURED_SECTIONS, ".pcrsig"]);
const MAGIC_SECTION = ".sdmagic";

/**
 * Parses a unified kernel image.
 * @throws EventLogError `pe`, or `uki` where it was not made with the known systemd-stub, lacks a kernel, or has
 * sections that are doubled or chosen at boot
 */
export function parseUki(bytes: Uint8Array): Uki {
  const image = parsePe(bytes);
  requireStub(image);
  const sections = new Map<UkiSection, Uint8Array>();
  for (const section of image.sections) {
    if (REFUSED_SECTIONS.has(section.name)) throw refused(`section "${section.name}" is chosen at boot`);
    if (!isKnown(section.name) || section.virtualSize === 0) continue;
    if (sections.has(section.name)) throw refused(`section "${section.name}" is there twice`);
    requireContent(image, section);
    sections.set(section.name, sectionContent(image, section));
  }
  const linux = sections.get(".linux");
  if (linux === undefined) throw refused('section ".linux" is missing');
  return { sections, linux };
}

/** A few headers must not ask for memory that the image's own size does not warrant. */
function requireContent({ bytes }: PeImage, { name, virtualSize }: PeSection): void {
  if (virtualSize <= bytes.length) return;
  throw refused(`section "${name}" has ${virtualSize} bytes, wanted at most the image's ${bytes.length}`);
}

function isKnown(name: string): name is UkiSection {
  return KNOWN_SECTIONS.has(name);
}

/** `.sdmagic` names the stub and its version: `#### LoaderInfo: systemd-stub 257.1-1 ####`. */
function requireStub(image: PeImage): void {
  const section = image.sections.find(({ name }) => name === MAGIC_SECTION);
  if (section !== undefined) requireContent(image, section);
  const text = section === undefined ? "" : fromLatin1(sectionContent(image, section));
  const version = /^#### LoaderInfo: systemd-stub (\d+)[^ ]* ####/u.exec(text)?.[1];
  if (version === String(STUB_VERSION)) return;
  throw refused(`got systemd-stub ${JSON.stringify(version ?? null)}, wanted "${STUB_VERSION}"`);
}

function refused(what: string): EventLogError {
  return new EventLogError("uki", `Parse unified kernel image failed: ${what}`);
}
