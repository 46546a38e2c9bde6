import { fromHex, hex, latin1 } from "@constellation/bytes";
import { digest as hash } from "@constellation/crypto";
import { authenticodeHash } from "./authenticode.ts";
import type { EventTypeName } from "./event-type.ts";
import { extend } from "./replay.ts";
import { combinedInitrd, loadOptions } from "./stub.ts";
import type { Uki } from "./uki.ts";
import { MEASURED_SECTIONS, parseUki } from "./uki.ts";

/** An event that a boot will measure. */
export interface PredictedEvent {
  readonly pcr: number;
  readonly type: EventTypeName;
  /** What is measured, in words. */
  readonly description: string;
  /** SHA-256, in hex. */
  readonly digest: string;
}

/** PCR values of the SHA-256 bank that an image's boot will lead to, and why. */
export interface PredictedMeasurements {
  /** PCR number -> value in hex, for the PCRs in {@link PREDICTED_PCRS}. */
  readonly pcrs: Readonly<Record<number, string>>;
  /** The events behind the values, in order within each PCR. */
  readonly events: readonly PredictedEvent[];
}

/**
 * The PCRs that a UKI and nothing else decides: 4 code that the firmware started, 9 what the kernel was given, 11 the
 * UKI's sections; and those that stay zero: 8 (boot loaders with configuration), 12 (overridden command lines,
 * credentials), 13 (system extensions), 14 (shim), 15 (machine identity, before a cluster ID is extended).
 */
export const PREDICTED_PCRS: readonly number[] = [4, 8, 9, 11, 12, 13, 14, 15];

const BANK = "sha256";
const ZERO = new Uint8Array(32);

/**
 * Predicts the PCRs of a boot of a UKI from a disk's removable path (\EFI\BOOT\BOOTX64.EFI) by EDK2 firmware without
 * Secure Boot, as the first boot option tried, with systemd-stub 257 and a kernel whose EFI stub measures command
 * line and initrd (5.18 and later). Nothing in user space may extend these PCRs.
 * @throws EventLogError `pe` or `uki`
 */
export function predictMeasurements({ uki }: { readonly uki: Uint8Array }): PredictedMeasurements {
  const parsed = parseUki(uki);
  const events = [...firmwareEvents(uki, parsed), ...kernelEvents(parsed), ...sectionEvents(parsed)];
  const pcrs = Object.fromEntries(PREDICTED_PCRS.map((pcr) => [pcr, hex(replayPredicted(events, pcr))]));
  return { pcrs, events };
}

/** PCR 4 (PC Client Platform Firmware Profile, 3.3.4.5): the boot attempt, the separator, then each image loaded. */
function firmwareEvents(bytes: Uint8Array, uki: Uki): PredictedEvent[] {
  const action = "Calling EFI Application from Boot Option";
  return [
    event(4, "EV_EFI_ACTION", `"${action}"`, sha256(latin1(action))),
    event(4, "EV_SEPARATOR", "end of the firmware's measurements", sha256(new Uint8Array(4))),
    event(4, "EV_EFI_BOOT_SERVICES_APPLICATION", "the unified kernel image", authenticodeHash(bytes, BANK)),
    event(4, "EV_EFI_BOOT_SERVICES_APPLICATION", "the kernel in .linux", authenticodeHash(uki.linux, BANK)),
  ];
}

/** PCR 9: the kernel's EFI stub measures its load options, then the initrd it was handed. */
function kernelEvents(uki: Uki): PredictedEvent[] {
  const options = loadOptions(uki);
  const initrd = combinedInitrd(uki);
  return [
    ...(options.length === 0
      ? []
      : [event(9, "EV_EVENT_TAG", "the kernel command line (load options)", sha256(options))]),
    ...(initrd.length === 0
      ? []
      : [event(9, "EV_EVENT_TAG", "the initrd as systemd-stub combines it", sha256(initrd))]),
  ];
}

/** PCR 11: systemd-stub measures name (with its final zero) and content of each section it knows. */
function sectionEvents(uki: Uki): PredictedEvent[] {
  return MEASURED_SECTIONS.flatMap((name) => {
    const content = uki.sections.get(name);
    if (content === undefined) return [];
    return [
      event(11, "EV_IPL", `name of section ${name}`, sha256(latin1(`${name}\0`))),
      event(11, "EV_IPL", `content of section ${name}, ${content.length} bytes`, sha256(content)),
    ];
  });
}

function replayPredicted(events: readonly PredictedEvent[], pcr: number): Uint8Array {
  return events
    .filter((predicted) => predicted.pcr === pcr)
    .reduce<Uint8Array>((value, predicted) => extend(BANK, value, fromHex(predicted.digest)), ZERO);
}

function event(pcr: number, type: EventTypeName, description: string, digest: Uint8Array): PredictedEvent {
  return { pcr, type, description, digest: hex(digest) };
}

function sha256(bytes: Uint8Array): Uint8Array {
  return hash(BANK, bytes);
}
