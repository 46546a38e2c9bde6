import { Cursor, fromLatin1, fromUtf16le, hex } from "@constellation/bytes";
import type { LogEvent } from "./event-log.ts";
import { EVENT_TYPE } from "./event-type.ts";

const MAX_TEXT = 200;
const GUID_BYTES = 16;

/**
 * What an event says it measured, in words and on one line. Event data is not verified and may be made up, so this is
 * for people to read only; it never throws.
 */
export function describeEvent(event: Pick<LogEvent, "eventType" | "event">): string {
  try {
    return words(event.eventType, event.event);
  } catch {
    return `${event.event.length} bytes that do not fit the event type`;
  }
}

function words(type: number, data: Uint8Array): string {
  switch (type) {
    case EVENT_TYPE.EV_SEPARATOR:
      return separator(data);
    case EVENT_TYPE.EV_ACTION:
    case EVENT_TYPE.EV_EFI_ACTION:
    case EVENT_TYPE.EV_POST_CODE:
    case EVENT_TYPE.EV_OMIT_BOOT_DEVICE_EVENTS:
      return quoted(ascii(data));
    case EVENT_TYPE.EV_IPL:
      return quoted(isUtf16(data) ? utf16(data) : ascii(data));
    case EVENT_TYPE.EV_S_CRTM_VERSION:
      return quoted(utf16(data));
    case EVENT_TYPE.EV_EVENT_TAG:
      return taggedEvent(data);
    case EVENT_TYPE.EV_EFI_VARIABLE_DRIVER_CONFIG:
    case EVENT_TYPE.EV_EFI_VARIABLE_BOOT:
    case EVENT_TYPE.EV_EFI_VARIABLE_BOOT2:
    case EVENT_TYPE.EV_EFI_VARIABLE_AUTHORITY:
      return variable(data);
    case EVENT_TYPE.EV_EFI_BOOT_SERVICES_APPLICATION:
    case EVENT_TYPE.EV_EFI_BOOT_SERVICES_DRIVER:
    case EVENT_TYPE.EV_EFI_RUNTIME_SERVICES_DRIVER:
      return imageLoad(data);
    default:
      return `${data.length} bytes`;
  }
}

/** 0 marks the end of the firmware's phase, 0xffffffff too; 1 an error in it (10.4.1). */
function separator(data: Uint8Array): string {
  const value = data.length === 4 ? new Cursor(data).u32le() : undefined;
  if (value === 0 || value === 0xffffffff) return "end of the firmware's measurements";
  return value === 1 ? "error in the firmware's measurements" : `separator of ${data.length} bytes`;
}

/** TCG_PCClientTaggedEvent (10.4.2.1). */
function taggedEvent(data: Uint8Array): string {
  const cursor = new Cursor(data);
  const tag = cursor.u32le();
  const content = cursor.take(cursor.u32le());
  return `tag 0x${tag.toString(16)} ${quoted(isUtf16(content) ? utf16(content) : ascii(content))}`;
}

/** UEFI_VARIABLE_DATA (10.2.6). */
function variable(data: Uint8Array): string {
  const cursor = new Cursor(data);
  const guid = guidText(cursor.take(GUID_BYTES));
  const nameLength = Number(cursor.u64le());
  const dataLength = Number(cursor.u64le());
  return `variable ${quoted(utf16(cursor.take(2 * nameLength)))} of ${guid}, ${dataLength} bytes`;
}

/** UEFI_IMAGE_LOAD_EVENT (10.2.3) with the file path or vendor GUID of its device path. */
function imageLoad(data: Uint8Array): string {
  const cursor = new Cursor(data);
  cursor.u64le();
  const length = cursor.u64le();
  cursor.u64le();
  const path = devicePath(cursor.take(Number(cursor.u64le())));
  return `image of ${length} bytes in memory${path === "" ? "" : ` from ${path}`}`;
}

/** The readable nodes of a device path (UEFI 10.3): file paths, and vendor-defined media. */
function devicePath(bytes: Uint8Array): string {
  const cursor = new Cursor(bytes);
  const parts: string[] = [];
  while (cursor.remaining > 0) {
    const type = cursor.u8();
    const subType = cursor.u8();
    const content = cursor.take(cursor.u16le() - 4);
    if (type === 0x04 && subType === 0x04) parts.push(quoted(utf16(content)));
    if (type === 0x04 && subType === 0x03) parts.push(`media ${guidText(content.subarray(0, GUID_BYTES))}`);
    if (type === 0x04 && subType === 0x06) parts.push(`firmware file ${guidText(content)}`);
  }
  return parts.join(" ");
}

function guidText(bytes: Uint8Array): string {
  const cursor = new Cursor(bytes);
  const head = [cursor.u32le().toString(16).padStart(8, "0")];
  head.push(cursor.u16le().toString(16).padStart(4, "0"), cursor.u16le().toString(16).padStart(4, "0"));
  const tail = hex(cursor.take(8));
  return [...head, tail.slice(0, 4), tail.slice(4)].join("-");
}

/** systemd-stub logs UTF-16, GRUB and the kernel log ASCII: text in UTF-16 has zeros at odd places. */
function isUtf16(data: Uint8Array): boolean {
  return data.length >= 2 && data.length % 2 === 0 && data[1] === 0;
}

function utf16(data: Uint8Array): string {
  return fromUtf16le(data).replace(/\0+$/u, "");
}

function ascii(data: Uint8Array): string {
  return fromLatin1(data).replace(/\0+$/u, "");
}

/** Quotes text so that it stays on one line and holds nothing a terminal would act on. */
function quoted(text: string): string {
  const shown = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}...` : text;
  const escaped = shown.replace(
    /[^\x20-\x7e]/gu,
    (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`,
  );
  return `"${escaped}"`;
}
