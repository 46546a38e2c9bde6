import { BytesError, fromLatin1, fromUtf8 } from "@constellation/bytes";
import type { DerElement } from "./element.ts";
import { DerError } from "./error.ts";
import { TAG, tagText } from "./tag.ts";

const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/;
const NOT_ASCII = /[\u0080-\uffff]/;
const SURROGATE = /[\ud800-\udfff]/;

/**
 * Text of a UTF8String, PrintableString, IA5String, T61String (read as Latin-1) or BMPString (UCS-2).
 * Throws `DerError` "string" for contents outside the type's alphabet, "tag" for another type.
 */
export function readText(element: DerElement): string {
  switch (element.tag) {
    case TAG.UTF8_STRING:
      return readUtf8(element.contents);
    case TAG.PRINTABLE_STRING:
      return printable(fromLatin1(element.contents));
    case TAG.IA5_STRING:
      return readIa5(element.contents);
    case TAG.T61_STRING:
      return fromLatin1(element.contents);
    case TAG.BMP_STRING:
      return readBmp(element.contents);
    default:
      throw new DerError("tag", `Read string failed: got tag "${tagText(element.tag)}", wanted a string type`);
  }
}

/** Text of IA5String contents (ASCII), also under an IMPLICIT tag. Throws `DerError` "string". */
export function readIa5(contents: Uint8Array): string {
  return ascii(fromLatin1(contents));
}

function readUtf8(contents: Uint8Array): string {
  const text = fromLatin1(contents);
  if (!NOT_ASCII.test(text)) return text;
  try {
    return fromUtf8(contents);
  } catch (cause) {
    throw new DerError("string", `Read UTF8String failed: ${(cause as BytesError).message}`);
  }
}

/** UCS-2: characters beyond the basic plane can't be written, so that halves of a surrogate pair have no meaning. */
function readBmp(contents: Uint8Array): string {
  if (contents.length % 2 !== 0) {
    throw new DerError("string", `Read BMPString failed: got "${contents.length}" octets, wanted an even number`);
  }
  let text = "";
  for (let i = 0; i < contents.length; i += 2) {
    text += String.fromCharCode(((contents[i] as number) << 8) | (contents[i + 1] as number));
  }
  if (SURROGATE.test(text)) throw outsideAlphabet("BMPString");
  return text;
}

function printable(text: string): string {
  if (!PRINTABLE.test(text)) throw outsideAlphabet("PrintableString");
  return text;
}

function ascii(text: string): string {
  if (NOT_ASCII.test(text)) throw outsideAlphabet("IA5String");
  return text;
}

function outsideAlphabet(type: string): DerError {
  return new DerError("string", `Read ${type} failed: got characters outside its alphabet, wanted none`);
}
