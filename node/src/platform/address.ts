import { readFile } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { NodeError } from "../errors.ts";
import { retry, type RetryOptions } from "../retry.ts";

/** Columns of /proc/net/route: Iface Destination Gateway Flags RefCnt Use Metric Mask ... (numbers in hexadecimal). */
const DEFAULT_DESTINATION = "00000000";

/** The interface of the default route with the smallest metric, or undefined. */
export function defaultInterface(routes: string): string | undefined {
  return routes
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, destination, , , , , , mask]) => destination === DEFAULT_DESTINATION && mask === DEFAULT_DESTINATION)
    .sort((a, b) => Number(a[6]) - Number(b[6]))[0]?.[0];
}

/** Some 30 seconds of tries. */
const TRIES_UNTIL_SAID = 32;

export interface AddressOptions {
  /** Is told, once, that there has been no address for a while. */
  readonly onLate?: (error: unknown) => void;
  /** Text of /proc/net/route; a test puts its own here. */
  readonly routes?: () => Promise<string>;
  readonly delay?: NonNullable<RetryOptions["delay"]>;
}

/** Waits for the network and gives this node's IPv4 address: that of the interface with the default route. */
export async function findOwnAddress(
  signal: AbortSignal,
  { onLate, routes = () => readFile("/proc/net/route", "utf8"), delay }: AddressOptions = {},
): Promise<string> {
  return await retry(
    "an IPv4 address on the default route",
    async () => {
      const name = defaultInterface(await routes());
      const entry = networkInterfaces()[name ?? ""]?.find(({ family, internal }) => family === "IPv4" && !internal);
      if (entry !== undefined) return entry.address;
      throw new NodeError("platform", `Find own address failed: got interface "${name}", wanted one with IPv4`);
    },
    {
      signal,
      onFailure: (error, attempt) => {
        if (attempt === TRIES_UNTIL_SAID) onLate?.(error);
      },
      ...(delay === undefined ? {} : { delay }),
    },
  );
}
