import { fromUtf8 } from "@constellation/bytes";
import { EvidenceSourceError, type EvidenceSourceErrorCode } from "../error.ts";
import type { Clock } from "../system/clock.ts";
import { type HostFiles, systemCode } from "../system/host-files.ts";
import { retry } from "../system/retry.ts";

/** Where the kernel makes reports (Documentation/ABI/testing/configfs-tsm-report). */
export const TSM_REPORTS = "/sys/kernel/config/tsm/report";

/** Whose reports: `provider` of the interface. */
export type TsmProvider = "sev_guest" | "tdx_guest";

/** What is asked of the kernel. */
export interface TsmRequest {
  readonly provider: TsmProvider;
  /** Name of the report entry: one that no other program uses. An entry of that name that is there was left behind. */
  readonly entry: string;
  /** `inblob`: 64 bytes. */
  readonly reportData: Uint8Array;
}

/** What the kernel gave. */
export interface TsmReport {
  /** The hardware's report. */
  readonly outblob: Uint8Array;
  /** What the host gave along with it; empty where it gave nothing. */
  readonly auxblob: Uint8Array;
}

interface Tools {
  readonly files: HostFiles;
  readonly clock: Clock;
}

const MAX_OUTBLOB_BYTES = 32 * 1024;
const MAX_AUXBLOB_BYTES = 64 * 1024;
const MAX_TEXT_BYTES = 4096;
const MAX_ATTEMPTS = 6;
const TRANSIENT: ReadonlySet<EvidenceSourceErrorCode> = new Set(["device_busy", "report_conflict"]);

/**
 * Has the hardware report on this machine, through the kernel's configfs-tsm. The entry that this takes is removed
 * again in every case. A busy device, and others that write to the same entry, are given way to for some seconds.
 * @throws EvidenceSourceError `device_missing`, `device_busy`, `device_failed`, `report_conflict`, `provider`,
 * `blob_malformed` or `blob_too_large`
 */
export function getTsmReport(request: TsmRequest, tools: Tools, signal: AbortSignal): Promise<TsmReport> {
  const options = { maxAttempts: MAX_ATTEMPTS, isTransient: isTransientTsmError };
  return retry(() => reportInEntry(request, tools.files), options, tools.clock, signal);
}

function isTransientTsmError({ code }: EvidenceSourceError): boolean {
  return TRANSIENT.has(code);
}

async function reportInEntry(request: TsmRequest, files: HostFiles): Promise<TsmReport> {
  const path = `${TSM_REPORTS}/${request.entry}`;
  await makeEntry(path, files);
  try {
    return await report(path, request, files);
  } finally {
    // What is left behind in spite of this is removed by the next report: neither report nor error is worth less for it.
    await files.removeDirectory(path).catch(() => undefined);
  }
}

/** An entry that is there was left behind by a process that ended early. */
async function makeEntry(path: string, files: HostFiles): Promise<void> {
  try {
    await files.makeDirectory(path);
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw entryError(path, error);
    await step(`Remove report entry "${path}"`, () => files.removeDirectory(path));
    await step(`Make report entry "${path}"`, () => files.makeDirectory(path));
  }
}

/** Without a guest driver there is no directory for reports, or no provider of them. */
const NO_PROVIDER: ReadonlySet<string> = new Set(["ENOENT", "ENXIO", "ENOTTY", "ENODEV"]);

function entryError(path: string, cause: unknown): EvidenceSourceError {
  const code = systemCode(cause) ?? "another error";
  const operation = `Make report entry "${path}"`;
  if (!NO_PROVIDER.has(code)) return stepError(operation, cause);
  const message = `${operation} failed: got ${code}, wanted configfs-tsm with a guest driver`;
  return new EvidenceSourceError("device_missing", message, { cause });
}

/**
 * `generation` counts what is written to the entry. Blobs are of this report data where exactly one write happened
 * between before and after. The kernel takes a blob when its file is closed, where a refusal is not reported: one that
 * it did not take is not counted.
 */
async function report(path: string, request: TsmRequest, files: HostFiles): Promise<TsmReport> {
  await requireProvider(path, request.provider, files);
  const before = await readGeneration(path, files);
  await step(`Write "${path}/inblob"`, () => files.write(`${path}/inblob`, request.reportData));
  const outblob = await readBlob(`${path}/outblob`, MAX_OUTBLOB_BYTES, files);
  const auxblob = await readOptionalBlob(`${path}/auxblob`, MAX_AUXBLOB_BYTES, files);
  const after = await readGeneration(path, files);
  if (after !== before + 1) {
    throw new EvidenceSourceError(
      "report_conflict",
      `Read report of "${path}" failed: got generation ${after} after ${before}, wanted ${before + 1}`,
    );
  }
  return { outblob, auxblob };
}

async function requireProvider(path: string, wanted: TsmProvider, files: HostFiles): Promise<void> {
  const got = await readText(`${path}/provider`, files);
  if (got === wanted) return;
  const shown = JSON.stringify(got.slice(0, 64));
  throw new EvidenceSourceError("provider", `Read "${path}/provider" failed: got ${shown}, wanted "${wanted}"`);
}

async function readGeneration(path: string, files: HostFiles): Promise<number> {
  const text = await readText(`${path}/generation`, files);
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const shown = JSON.stringify(text.slice(0, 64));
  throw new EvidenceSourceError("blob_malformed", `Read "${path}/generation" failed: got ${shown}, wanted a number`);
}

async function readText(path: string, files: HostFiles): Promise<string> {
  const bytes = await readBlob(path, MAX_TEXT_BYTES, files);
  try {
    return fromUtf8(bytes).trim();
  } catch (cause) {
    throw new EvidenceSourceError("blob_malformed", `Read "${path}" failed: got another text, wanted UTF-8`, { cause });
  }
}

function readBlob(path: string, maxBytes: number, files: HostFiles): Promise<Uint8Array> {
  return step(`Read "${path}"`, () => files.read(path, maxBytes));
}

/** Providers without supplemental data have no such attribute. */
async function readOptionalBlob(path: string, maxBytes: number, files: HostFiles): Promise<Uint8Array> {
  try {
    return await files.read(path, maxBytes);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return new Uint8Array();
    throw stepError(`Read "${path}"`, error);
  }
}

async function step<T>(operation: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw stepError(operation, error);
  }
}

/** EBUSY: the device has another request, or the entry was written to too often. ENOENT: others removed the entry. */
const CODES: ReadonlyMap<string, EvidenceSourceErrorCode> = new Map([
  ["EBUSY", "device_busy"],
  ["EAGAIN", "device_busy"],
  ["EINTR", "device_busy"],
  ["EEXIST", "report_conflict"],
  ["ENOENT", "report_conflict"],
  ["EFBIG", "blob_too_large"],
]);

function stepError(operation: string, cause: unknown): EvidenceSourceError {
  if (cause instanceof EvidenceSourceError) return cause;
  const code = systemCode(cause) ?? "another error";
  return new EvidenceSourceError(
    CODES.get(code) ?? "device_failed",
    `${operation} failed: got ${code}, wanted success`,
    {
      cause,
    },
  );
}
