import { concat, utf16le } from "@constellation/bytes";
import { packFile, padTo4 } from "./cpio.ts";
import { EventLogError } from "./error.ts";
import type { Uki, UkiSection } from "./uki.ts";

const METADATA_DIRECTORY = ".extra";

/** Sections that the stub hands to the initrd as files of `/.extra`, in their order behind the image's own initrds. */
const METADATA_FILES: readonly { readonly section: UkiSection; readonly name: string }[] = [
  { section: ".pcrsig", name: "tpm2-pcr-signature.json" },
  { section: ".pcrpkey", name: "tpm2-pcr-public-key.pem" },
  { section: ".osrel", name: "os-release" },
];

/**
 * The one initrd that systemd-stub registers for the kernel: microcode, the image's initrd, then small archives with
 * the image's metadata, each padded to four bytes. A single one is passed as it is. Assumes no credentials,
 * extensions or add-ons beside the image; those would show in PCR 12 and 13.
 */
export function combinedInitrd(uki: Uki): Uint8Array {
  const parts = [uki.sections.get(".ucode"), uki.sections.get(".initrd"), ...metadataArchives(uki)].filter(
    (part) => part !== undefined,
  );
  const [first, ...others] = parts;
  if (first === undefined) return new Uint8Array(0);
  return others.length === 0 ? first : concat(...parts.map(padTo4));
}

function metadataArchives(uki: Uki): Uint8Array[] {
  return METADATA_FILES.flatMap(({ section, name }) => {
    const content = uki.sections.get(section);
    return content === undefined ? [] : [packFile({ directory: METADATA_DIRECTORY, name, content })];
  });
}

/**
 * The load options that systemd-stub sets for the kernel: the text of `.cmdline` without white space around it, control
 * characters inside turned into spaces, in UTF-16 with its final zero. Empty where the image has no command line.
 * @throws EventLogError `uki` where the section is not UTF-8
 */
export function loadOptions(uki: Uki): Uint8Array {
  const section = uki.sections.get(".cmdline");
  if (section === undefined) return new Uint8Array(0);
  return utf16le(`${mangled(textOf(section))}\0`);
}

function textOf(section: Uint8Array): string {
  const end = section.indexOf(0);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      end < 0 ? section : section.subarray(0, end),
    );
  } catch (cause) {
    throw new EventLogError("uki", 'Parse unified kernel image failed: section ".cmdline" is not UTF-8', cause);
  }
}

function mangled(text: string): string {
  const spaced = Array.from(text, (character) => (character < " " ? " " : character)).join("");
  return spaced.replace(/^ +| +$/gu, "");
}
