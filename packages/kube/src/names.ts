import { KubeError } from "./errors.ts";

const NAME = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

/**
 * A name as part of a path. Names are put there only when they can't change what the path means.
 * @throws KubeError `invalid_name`
 */
export function segment(name: string): string {
  if (NAME.test(name) && !name.includes("..")) return name;
  throw new KubeError("invalid_name", `Call API server failed: got name ${JSON.stringify(name)}, wanted a DNS name`);
}
