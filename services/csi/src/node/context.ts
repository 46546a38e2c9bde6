import type { Log } from "@constellation/pod";
import { CsiError } from "../errors.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Mapping } from "../kernel/mappings.ts";
import type { VolumeLocks } from "../locks.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { Rekeyer } from "../rekey/rekeyer.ts";
import type { EncryptedVolumes } from "../volume/encrypted-volume.ts";
import type { OpenVolumes } from "../volume/open-volumes.ts";
import type { NameFolders, VolumeNames } from "../volume/names.ts";

/** What the layer has for one driver. */
export interface NodeContext {
  /** Name under which the driver is registered. */
  readonly driver: string;
  readonly plugin: Plugin;
  readonly kernel: Kernel;
  readonly volumes: EncryptedVolumes;
  readonly openVolumes: OpenVolumes;
  readonly rekeyer: Pick<Rekeyer, "follow">;
  readonly locks: VolumeLocks;
  readonly folders: NameFolders;
  readonly log: Log;
  /** Ends what is under way when the process ends. A caller that has gone does not: it comes again and finds it done. */
  readonly signal: AbortSignal;
}

/** Requires a field of a request. @throws CsiError `argument_invalid` */
export function required(name: string, value: string): string {
  if (value !== "") return value;
  throw new CsiError("argument_invalid", `Parse request failed: ${name}: got "", wanted a value`);
}

/** Requires an absolute path without steps back. @throws CsiError `argument_invalid` */
export function requiredPath(name: string, value: string): string {
  if (/^\/./.test(value) && !value.split("/").includes("..") && !value.includes("\0")) return value.replace(/\/+$/, "");
  throw new CsiError(
    "argument_invalid",
    `Parse request failed: ${name}: got ${JSON.stringify(value)}, wanted an absolute path`,
  );
}

/** The open mapping of a volume. @throws CsiError `not_staged` */
export async function requireOpen(kernel: Kernel, names: VolumeNames): Promise<Mapping> {
  const mapping = await kernel.mapping(names.mapping);
  if (mapping !== undefined) return mapping;
  throw new CsiError("not_staged", "Use volume failed: got a volume that is not open on this node, wanted one that is");
}
