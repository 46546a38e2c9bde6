import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import type { NodeRole } from "@constellation/cluster-state";
import { NodeError } from "../errors.ts";

/**
 * What the machine's host says about it. A hint only (T5): the role decides which doors the node opens, not what it
 * gets; the addresses say where to look for control planes, not whom to believe.
 */
export interface Metadata {
  role: NodeRole;
  controlPlaneAddresses: string[];
  /** Where endorsements are to be had, if not from the vendors themselves: what they bring is checked by whoever needs it. */
  endorsements?: EndorsementServices;
}

/** Services that speak the vendors' interfaces. */
export interface EndorsementServices {
  /** For AMD's Key Distribution Service. */
  kdsUrl?: string;
  /** For Intel's Provisioning Certification Service. */
  pccsUrl?: string;
}

const MAX_ADDRESSES = 64;

/**
 * Reads the metadata that QEMU hands over as a fw_cfg file.
 * @throws NodeError `platform`
 */
export async function readMetadata(path: string): Promise<Metadata> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new NodeError("platform", `Read metadata "${path}" failed`, { cause });
  }
  return parseMetadata(text);
}

/** @throws NodeError `platform` */
export function parseMetadata(text: string): Metadata {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null) throw malformed("metadata", value, "an object");
  const { role, controlPlaneAddresses } = value as Record<string, unknown>;
  if (role !== "control-plane" && role !== "worker") throw malformed("role", role, "control-plane or worker");
  if (!Array.isArray(controlPlaneAddresses) || controlPlaneAddresses.length > MAX_ADDRESSES) {
    throw malformed("controlPlaneAddresses", controlPlaneAddresses, `a list of at most ${MAX_ADDRESSES}`);
  }
  const addresses = controlPlaneAddresses.map((address: unknown) => {
    if (typeof address === "string" && isIPv4(address)) return address;
    throw malformed("controlPlaneAddresses", address, "IPv4 addresses");
  });
  const endorsements = parseServices((value as Record<string, unknown>)["endorsements"]);
  return { role, controlPlaneAddresses: addresses, ...(endorsements && { endorsements }) };
}

function parseServices(value: unknown): EndorsementServices | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "object" || value === null) throw malformed("endorsements", value, "an object");
  const { kdsUrl, pccsUrl } = value as Record<string, unknown>;
  return {
    ...(kdsUrl !== undefined && { kdsUrl: httpsUrl("endorsements.kdsUrl", kdsUrl) }),
    ...(pccsUrl !== undefined && { pccsUrl: httpsUrl("endorsements.pccsUrl", pccsUrl) }),
  };
}

function httpsUrl(field: string, value: unknown): string {
  if (typeof value === "string" && URL.parse(value)?.protocol === "https:") return value;
  throw malformed(field, value, "an https URL");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function malformed(field: string, got: unknown, wanted: string): NodeError {
  return new NodeError("platform", `Parse metadata failed: ${field} is ${JSON.stringify(got)}, wanted ${wanted}`);
}
