import { isHost } from "@constellation/config";
import { CliError } from "../errors.ts";
import type { Endpoint } from "../ports/cluster.ts";

/**
 * Parses `HOST` or `HOST:PORT`.
 *
 * @throws CliError `usage`
 */
export function parseEndpoint(text: string, defaultPort: number): Endpoint {
  const [host = "", portText, ...rest] = text.split(":");
  const port = portText === undefined ? defaultPort : Number(portText);
  const isPort = portText === undefined || (/^\d{1,5}$/.test(portText) && port > 0 && port < 65_536);
  if (rest.length === 0 && isHost(host) && isPort) return { host, port };
  throw new CliError(
    "usage",
    `Read endpoint failed: got "${text}", wanted a host name or IPv4 address, with :port or without`,
  );
}
