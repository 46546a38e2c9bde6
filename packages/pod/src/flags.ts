import { parseArgs } from "node:util";

/** Why a pod's flags can't be used. */
export class FlagError extends Error {
  override readonly name = "FlagError";
  readonly code = "flag_invalid";
}

/** Flag names with their defaults. A number is a TCP port. */
export type FlagDefaults = Readonly<Record<string, string | number>>;

/** The values of flags: text or port, as their defaults are. */
export type Flags<D extends FlagDefaults> = { readonly [K in keyof D]: D[K] extends number ? number : string };

/**
 * Parses `--name value` flags.
 * @throws FlagError for unknown flags, positional arguments and values that are no port where one is wanted
 */
export function parseFlags<const D extends FlagDefaults>(args: readonly string[], defaults: D): Flags<D> {
  const values = parseText(args, Object.keys(defaults));
  const entries = Object.entries(defaults).map(([name, fallback]) => {
    const value = values[name];
    if (value === undefined) return [name, fallback];
    return [name, typeof fallback === "number" ? parsePort(name, value) : value];
  });
  return Object.fromEntries(entries) as Flags<D>;
}

/** A host and a port. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/**
 * Parses `host:port`.
 * @throws FlagError
 */
export function parseEndpoint(name: string, text: string): Endpoint {
  const colon = text.lastIndexOf(":");
  if (colon < 1) throw new FlagError(`Parse flags failed: --${name}: got ${JSON.stringify(text)}, wanted host:port`);
  return { host: text.slice(0, colon), port: parsePort(name, text.slice(colon + 1)) };
}

const MAX_SECONDS = 24 * 3600;

/**
 * Parses a flag that is a time.
 * @throws FlagError
 */
export function parseSeconds(name: string, text: string): number {
  const seconds = Number(text);
  if (/^[0-9]{1,5}$/.test(text) && seconds >= 1 && seconds <= MAX_SECONDS) return seconds;
  throw new FlagError(
    `Parse flags failed: --${name}: got ${JSON.stringify(text)}, wanted whole seconds from 1 to ${MAX_SECONDS}`,
  );
}

function parseText(args: readonly string[], names: readonly string[]): Readonly<Record<string, string | undefined>> {
  try {
    const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (cause) {
    throw new FlagError(`Parse flags failed: ${(cause as Error).message}`, { cause });
  }
}

function parsePort(name: string, text: string): number {
  const port = Number(text);
  if (/^[0-9]{1,5}$/.test(text) && port <= 65_535) return port;
  throw new FlagError(`Parse flags failed: --${name}: got ${JSON.stringify(text)}, wanted a port`);
}
