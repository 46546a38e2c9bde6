import { parseJson, strictChoice, strictList, strictObject, strictString } from "./strict-json.ts";

export const TIMING_PROFILES = ["default", "patient"] as const;
export type TimingProfile = (typeof TIMING_PROFILES)[number];

/** Where images of a registry are fetched from. */
export interface RegistryMirror {
  /** Registry host as it stands in image names, or `_default` for all. */
  readonly registry: string;
  /** Base URLs, tried in order. */
  readonly endpoints: readonly string[];
}

/** What differs from cluster to cluster and every node must know. Nothing here is secret. */
export interface ClusterSettings {
  /** 32 bytes, lower-case hexadecimal. */
  readonly clusterId: string;
  /** IPv4 range, for example 10.96.0.0/12. */
  readonly serviceCidr: string;
  readonly timingProfile: TimingProfile;
  readonly registryMirrors: readonly RegistryMirror[];
}

const FIELD = "cluster.json";
const MAX_MIRRORS = 64;
const CLUSTER_ID = /^[0-9a-f]{64}$/;
const REGISTRY = /^(?:_default|[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[0-9]{1,5})?)$/;

/**
 * Parses `cluster.json`.
 * @throws ClusterStateError
 */
export function parseClusterSettings(json: string): ClusterSettings {
  const { clusterId, serviceCidr, timingProfile, registryMirrors } = strictObject(parseJson(json, FIELD), FIELD, [
    "clusterId",
    "serviceCidr",
    "timingProfile",
    "registryMirrors",
  ]);
  return {
    clusterId: strictString(clusterId, `${FIELD}.clusterId`, "64 hexadecimal digits", (text) => CLUSTER_ID.test(text)),
    serviceCidr: strictString(serviceCidr, `${FIELD}.serviceCidr`, "an IPv4 address range", isCidr),
    timingProfile: strictChoice(timingProfile, `${FIELD}.timingProfile`, TIMING_PROFILES),
    registryMirrors: strictList(registryMirrors, `${FIELD}.registryMirrors`, MAX_MIRRORS).map(parseMirror),
  };
}

function parseMirror(value: unknown, index: number): RegistryMirror {
  const at = `${FIELD}.registryMirrors[${index}]`;
  const { registry, endpoints } = strictObject(value, at, ["registry", "endpoints"]);
  return {
    registry: strictString(registry, `${at}.registry`, "a registry host or _default", (text) => REGISTRY.test(text)),
    endpoints: strictList(endpoints, `${at}.endpoints`, MAX_MIRRORS).map((url, position) =>
      strictString(url, `${at}.endpoints[${position}]`, "an http or https URL", isHttpUrl),
    ),
  };
}

function isCidr(text: string): boolean {
  const [address = "", length = "", ...rest] = text.split("/");
  const octets = address.split(".");
  return (
    rest.length === 0 && octets.length === 4 && octets.every((octet) => isDecimal(octet, 255)) && isDecimal(length, 32)
  );
}

function isDecimal(text: string, max: number): boolean {
  return /^(?:0|[1-9][0-9]{0,2})$/.test(text) && Number(text) <= max;
}

function isHttpUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && ["http:", "https:"].includes(url.protocol) && url.username === "" && url.password === "";
}
