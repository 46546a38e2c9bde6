/** Why evidence could not be issued, and what a user can do about each. */
const HINTS = {
  /** The caller's report data is not 64 bytes. */
  report_data: "hand over the 64 bytes that bind the evidence to its channel",
  /** A device, or the kernel's interface to it, is not there. */
  device_missing:
    "start the machine as a confidential one, with a kernel that has the guest driver of its hardware and configfs-tsm, and a TPM where the variant has one",
  /** Others used the device to the end. */
  device_busy: "ask again later; when it stays so, look for another program that uses the device all the time",
  /** The device or the kernel refused, or failed. */
  device_failed: "look into the kernel's log; evidence is issued by root only",
  /** Others wrote to the same report entry to the end. */
  report_conflict: "give each program a name of its own for its report entry",
  /** The hardware is of another kind than wanted. */
  provider: "choose the variant of this machine's hardware",
  /** What the device gave is not what it should give: cut off, of another format, or for other report data. */
  blob_malformed: "update kernel, firmware and this program; when it stays so, report it",
  /** What the device gave is longer than any real one. */
  blob_too_large: "update this program; when it stays so, report it",
  /** The host's quote of this machine is not of this machine. */
  registers_differ: "do not trust this host: it made a quote with other registers than the machine's own",
  /** The TPM refused a command, or its answer does not fit. */
  tpm: "look into the cause: the TPM's own words are in it",
  /** The TPM lacks a key or certificate that the variant needs. */
  tpm_missing: "choose the variant of this machine's platform, and start the machine with the platform's virtual TPM",
  /** PCRs changed during each of several quotes. */
  pcrs_changing: "ask again later; nothing should extend PCRs on a running machine all the time",
  /** The TPM made another key than its certificate is for. */
  key_mismatch: "report it to the platform: its TPM holds a certificate that is not its own",
  /** No connection to the platform's metadata service. */
  metadata_unreachable: "let the machine reach 169.254.169.254, without a proxy and past its firewall",
  /** The metadata service did not answer in time. */
  metadata_timeout: "ask again later; when it stays so, look at the platform's status",
  /** The metadata service answered with another status than success. */
  metadata_status: "choose the variant of this machine's platform; ask again later where the status says so",
  /** The metadata service's answer is longer than any real one. */
  metadata_too_large: "something else than the platform's metadata service answers at its address",
  /** The metadata service's answer is not what was asked for. */
  metadata_malformed: "something else than the platform's metadata service answers at its address, or it has changed",
  /** What was gathered is not evidence that a verifier would read. */
  evidence: "look into the cause, and report it",
  /** The machine shows signs of no platform that evidence can be had from. */
  platform_unknown: "run on a platform of the list in the documentation, or name the variant",
  /** The machine shows signs of several platforms, or lacks a part of the one it shows signs of. */
  platform_ambiguous: "mend what the message names, or name the variant",
} as const;

/** Why evidence could not be issued. */
export type EvidenceSourceErrorCode = keyof typeof HINTS;

/** The one error of this package; see `EvidenceSourceErrorCode`. */
export class EvidenceSourceError extends Error {
  override readonly name = "EvidenceSourceError";
  readonly code: EvidenceSourceErrorCode;
  /** What to do about it. */
  readonly hint: string;

  constructor(code: EvidenceSourceErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.hint = HINTS[code];
  }
}
