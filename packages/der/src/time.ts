import type { DerElement } from "./element.ts";
import { DerError } from "./error.ts";
import { readIa5 } from "./text.ts";
import { TAG, tagText } from "./tag.ts";

const UTC_TIME = /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;
const GENERALIZED_TIME = /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/;

/**
 * Time of a UTCTime or GeneralizedTime in the form certificates use: with seconds, in UTC, without fractions
 * (RFC 5280 section 4.1.2.5). Two-digit years stand for 1950 to 2049. Throws `DerError` "time".
 */
export function readTime(element: DerElement): Date {
  switch (element.tag) {
    case TAG.UTC_TIME:
      return toDate(UTC_TIME.exec(readIa5(element.contents)), (year) => (year < 50 ? 2000 + year : 1900 + year));
    case TAG.GENERALIZED_TIME:
      return toDate(GENERALIZED_TIME.exec(readIa5(element.contents)), (year) => year);
    default:
      throw new DerError("tag", `Read time failed: got tag "${tagText(element.tag)}", wanted a time`);
  }
}

function toDate(match: RegExpExecArray | null, fullYear: (year: number) => number): Date {
  if (match === null) throw new DerError("time", "Read time failed: got another form, wanted digits to seconds and Z");
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const iso = [fullYear(year), month, day, hour, minute, second];
  const date = new Date(0);
  date.setUTCFullYear(fullYear(year), month - 1, day);
  date.setUTCHours(hour, minute, second);
  // Date accepts a 31st of June and rolls over; a rolled value differs from what was read.
  if (fields(date).join() !== iso.join()) {
    throw new DerError("time", `Read time failed: got "${match[0]}", wanted a date that exists`);
  }
  return date;
}

function fields(date: Date): number[] {
  return [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  ];
}
