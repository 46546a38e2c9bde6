import { isAbsolute, normalize } from "node:path";
import { type VolumeCapability, VolumeCapability_AccessMode_Mode as Mode } from "@constellation/rpc/csi/v1";
import { LocalVolumeError } from "./errors.ts";

const SINGLE_NODE: ReadonlySet<Mode> = new Set([
  Mode.SINGLE_NODE_WRITER,
  Mode.SINGLE_NODE_READER_ONLY,
  Mode.SINGLE_NODE_SINGLE_WRITER,
  Mode.SINGLE_NODE_MULTI_WRITER,
]);

/** A path that a call names. @throws LocalVolumeError `argument_invalid` */
export function requirePath(field: string, path: string): string {
  if (isAbsolute(path) && normalize(path) === path && !path.endsWith("/")) return path;
  throw invalid(field, path === "" ? "none" : JSON.stringify(path.slice(0, 200)), "an absolute path");
}

/** Block access from this node: all else is the encryption layer's to make. @throws LocalVolumeError `argument_invalid` */
export function requireBlockAccess(capability: VolumeCapability | undefined): void {
  const field = "volume_capability";
  if (capability === undefined) throw invalid(field, "none", "block access");
  const { accessType, accessMode } = capability;
  if (accessType.case !== "block") throw invalid(`${field}.access_type`, `"${accessType.case ?? "none"}"`, `"block"`);
  const mode = accessMode?.mode ?? Mode.UNKNOWN;
  if (!SINGLE_NODE.has(mode)) {
    throw invalid(`${field}.access_mode`, `"${mode}"`, "one of a single node");
  }
}

/** @throws LocalVolumeError `argument_invalid` */
export function invalid(field: string, got: string, wanted: string): LocalVolumeError {
  return new LocalVolumeError("argument_invalid", `Read CSI request failed: ${field}: got ${got}, wanted ${wanted}`);
}
