import type { Secret } from "@constellation/keys";
import { KmsError, quoted } from "../error.ts";
import { textSecret } from "../http/text-secret.ts";

/** A URI as in `kms://aws?region=eu-central-1`: who, and named fields. */
export interface UriParts {
  readonly scheme: "kms" | "storage";
  readonly host: string;
  readonly fields: UriFields;
}

const MAX_CHARS = 4_096;
const FORM = /^(kms|storage):\/\/([a-z0-9-]{1,32})(?:\?(.*))?$/s;

/**
 * Splits a URI. Percent-encoding is decoded; a plus stands for itself. The URI itself is in no message: it may hold
 * secrets.
 * @throws KmsError `uri_invalid`
 */
export function splitUri(uri: string): UriParts {
  const [, scheme, host, query = ""] = (uri.length <= MAX_CHARS ? FORM.exec(uri) : null) ?? [];
  if (scheme === undefined || host === undefined) {
    throw new KmsError(
      "uri_invalid",
      'Parse URI failed: got another form, wanted "kms://<kind>?<fields>" or "storage://<kind>?<fields>"',
    );
  }
  return { scheme: scheme as UriParts["scheme"], host, fields: new UriFields(`${scheme}://${host}`, query) };
}

/** Fields of a URI. Each is read at most once, and `end` refuses those that nobody read. */
export class UriFields {
  readonly #where: string;
  readonly #values = new Map<string, string>();

  constructor(where: string, query: string) {
    this.#where = where;
    for (const part of query === "" ? [] : query.split("&")) this.#add(part);
  }

  /** Whether a field is there and not empty. */
  has(name: string): boolean {
    return (this.#values.get(name) ?? "") !== "";
  }

  /** Names and values of the fields that nobody has read yet. Values may be secrets. */
  entries(): readonly (readonly [string, string])[] {
    return [...this.#values];
  }

  /** A field that must be there and have a form. */
  text(name: string, pattern: RegExp, wanted: string): string {
    const value = this.#take(name);
    if (value !== undefined && value !== "" && pattern.test(value)) return value;
    throw this.#invalid(name, value === undefined || value === "" ? "nothing" : quoted(value), wanted);
  }

  /** A field that may be left out. */
  optional(name: string, pattern: RegExp, wanted: string): string | undefined {
    if (this.has(name)) return this.text(name, pattern, wanted);
    this.#take(name);
    return undefined;
  }

  /** One of several words; the first where the field is left out. */
  oneOf<const T extends string>(name: string, words: readonly [T, ...T[]]): T {
    if (!this.has(name)) {
      this.#take(name);
      return words[0];
    }
    const value = this.#take(name);
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    throw this.#invalid(name, quoted(value), words.map((word) => `"${word}"`).join(" or "));
  }

  /** The absolute path of a file. */
  path(name: string): string {
    return this.text(name, /^\/[^\0]{1,1000}$/, "an absolute path");
  }

  /** A secret; never shown. */
  secret(name: string): Secret {
    const value = this.#take(name) ?? "";
    if (/^[\x21-\x7e]{1,1024}$/.test(value)) return textSecret(value);
    throw this.#invalid(name, value === "" ? "nothing" : "other characters", "a secret of visible ASCII");
  }

  /** An origin: https anywhere, http at this machine only. */
  endpoint(name: string, standard: string): string {
    if (!this.has(name)) {
      this.#take(name);
      return standard;
    }
    const value = this.#take(name) as string;
    const url = URL.parse(value);
    const isOrigin = url !== null && (value === url.origin || value === `${url.origin}/`);
    if (isOrigin && (url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url.hostname))))
      return url.origin;
    // It might hold a password, and is not shown.
    throw this.#invalid(name, "another address", '"https://<host>[:<port>]", or "http://" at this machine');
  }

  /** Ends the reading. @throws KmsError `uri_invalid` for a field that is not known, or not with the others */
  end(): void {
    const [name] = this.#values.keys();
    if (name !== undefined) throw this.#invalid(name, "it", "no such field beside the others");
  }

  /** A field that can't be as it is. */
  invalid(name: string, got: string, wanted: string): KmsError {
    return this.#invalid(name, got, wanted);
  }

  #add(part: string): void {
    const equals = part.indexOf("=");
    const name = equals < 0 ? "" : part.slice(0, equals);
    if (!/^[A-Za-z]{1,40}$/.test(name)) {
      throw new KmsError(
        "uri_invalid",
        `Parse ${this.#where} failed: got a field without a name, wanted "<name>=<value>"`,
      );
    }
    if (this.#values.has(name)) throw this.#invalid(name, "it twice", "it once");
    this.#values.set(name, this.#decoded(name, part.slice(equals + 1)));
  }

  #decoded(name: string, value: string): string {
    try {
      return decodeURIComponent(value);
    } catch {
      throw this.#invalid(name, "percent signs that are no encoding", "percent-encoding");
    }
  }

  #take(name: string): string | undefined {
    const value = this.#values.get(name);
    this.#values.delete(name);
    return value;
  }

  #invalid(name: string, got: string, wanted: string): KmsError {
    return new KmsError("uri_invalid", `Parse ${this.#where} failed: ${name}: got ${got}, wanted ${wanted}`);
  }
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
