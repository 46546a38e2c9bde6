import type { DerElement } from "./element.ts";
import { DerError } from "./error.ts";
import { TAG, tagText } from "./tag.ts";

const DIGIT_ZERO = 0x30;
const LETTER_Z = 0x5a;
/** Octets after the year: five fields of two digits and the Z. */
const AFTER_YEAR = 11;

/**
 * Time of a UTCTime or GeneralizedTime in the form certificates use: with seconds, in UTC, without fractions
 * (RFC 5280 section 4.1.2.5). Two-digit years stand for 1950 to 2049. Throws `DerError` "time".
 */
export function readTime(element: DerElement): Date {
  switch (element.tag) {
    case TAG.UTC_TIME: {
      const year = readDigits(element, 0, 2);
      return readRest(element, 2, year < 50 ? 2000 + year : 1900 + year);
    }
    case TAG.GENERALIZED_TIME:
      return readRest(element, 4, readDigits(element, 0, 4));
    default:
      throw new DerError("tag", `Read time failed: got tag "${tagText(element.tag)}", wanted a time`);
  }
}

function readRest(element: DerElement, at: number, year: number): Date {
  const month = readDigits(element, at, 2);
  const day = readDigits(element, at + 2, 2);
  const hour = readDigits(element, at + 4, 2);
  const minute = readDigits(element, at + 6, 2);
  const second = readDigits(element, at + 8, 2);
  if (element.length !== at + AFTER_YEAR || element.octet(at + 10) !== LETTER_Z) throw otherForm();
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month) || hour > 23 || minute > 59 || second > 59) {
    throw new DerError(
      "time",
      `Read time failed: got ${year}-${month}-${day} ${hour}:${minute}:${second}, wanted a time that exists`,
    );
  }
  // Date.UTC takes years below 100 for those of the twentieth century; 2000 has every day that a year can have.
  const date = new Date(Date.UTC(2000, month - 1, day, hour, minute, second));
  date.setUTCFullYear(year);
  return date;
}

function readDigits(element: DerElement, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = (element.octet(i) ?? 0) - DIGIT_ZERO;
    if (digit < 0 || digit > 9) throw otherForm();
    value = value * 10 + digit;
  }
  return value;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function otherForm(): DerError {
  return new DerError("time", "Read time failed: got another form, wanted digits to seconds and Z");
}
