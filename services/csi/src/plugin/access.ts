import { type VolumeCapability, VolumeCapability_AccessMode_Mode as Mode } from "@constellation/rpc/csi/v1";
import { CsiError } from "../errors.ts";

const READERS: ReadonlySet<Mode> = new Set([Mode.SINGLE_NODE_READER_ONLY, Mode.MULTI_NODE_READER_ONLY]);
const SINGLE_WRITERS: ReadonlySet<Mode> = new Set([
  Mode.SINGLE_NODE_WRITER,
  Mode.SINGLE_NODE_SINGLE_WRITER,
  Mode.SINGLE_NODE_MULTI_WRITER,
]);

/** Whether one pod alone may have the volume. */
export function isSingleWriter(capability: VolumeCapability | undefined): boolean {
  return capability?.accessMode?.mode === Mode.SINGLE_NODE_SINGLE_WRITER;
}

/** How a volume is to be used: the file system and flags of a mount, or as a block device. */
export type Access =
  | { readonly kind: "block"; readonly readOnly: boolean }
  | {
      readonly kind: "mount";
      readonly readOnly: boolean;
      readonly fileSystem: string;
      readonly flags: readonly string[];
    };

/**
 * Reads a volume capability.
 * @throws CsiError `argument_invalid`; `unsupported` for access by writers on several nodes, of which each would have the
 * device open for itself
 */
export function parseAccess(capability: VolumeCapability | undefined): Access {
  const mode = capability?.accessMode?.mode ?? Mode.UNKNOWN;
  if (capability === undefined || mode === Mode.UNKNOWN || capability.accessType.case === undefined) {
    throw new CsiError("argument_invalid", "Parse request failed: volume_capability: got no access, wanted one");
  }
  const readOnly = READERS.has(mode);
  if (!readOnly && !SINGLE_WRITERS.has(mode)) {
    throw new CsiError("unsupported", "Use volume failed: got writers on several nodes, wanted those of one");
  }
  const { accessType } = capability;
  if (accessType.case === "block") return { kind: "block", readOnly };
  const { fsType, mountFlags } = accessType.value;
  return { kind: "mount", readOnly, fileSystem: fsType, flags: mountFlags };
}
