import type { PlatformVariant } from "@constellation/attestation";
import {
  type Cloud,
  createEvidenceSource,
  DEFAULT_SOURCE_OPTIONS,
  getUserData,
  MetadataClient,
  nodeDependencies,
} from "@constellation/evidence-source";
import { join } from "node:path";
import { VENDOR_ROOTS } from "../join/peer-policy.ts";
import type { Log } from "../log/log.ts";
import type { NodeOptions } from "../options.ts";
import { patientEndorser, vendorSource } from "./endorser.ts";
import { type Metadata, parseMetadata, readMetadata } from "./metadata.ts";
import { PlatformAttester } from "./platform-attester.ts";
import type { TpmDevice } from "./tpm-device.ts";

/** What a machine of real hardware is opened with. */
export interface HardwareParts {
  readonly options: NodeOptions;
  readonly openTpm: () => Promise<TpmDevice>;
  readonly log: Log;
}

/** Opens this machine's metadata and evidence. This file is loaded on real hardware only. */
export async function openHardware(
  variant: PlatformVariant,
  { options, openTpm, log }: HardwareParts,
  signal: AbortSignal,
): Promise<{ metadata: Metadata; attester: PlatformAttester }> {
  const dependencies = nodeDependencies({ root: "/", openTpm });
  const cloud = cloudOf(variant);
  const client = new MetadataClient(DEFAULT_SOURCE_OPTIONS.metadata, dependencies);
  const metadata =
    cloud === undefined
      ? await readMetadata(options.fwCfgMetadata)
      : parseMetadata(await getUserData(cloud, client, signal));
  const attester = await PlatformAttester.open(
    {
      source: createEvidenceSource(variant, DEFAULT_SOURCE_OPTIONS, dependencies),
      endorse: patientEndorser(vendorSource(metadata.endorsements ?? {}), log),
      roots: VENDOR_ROOTS,
      markPath: join(options.runDirectory, "cluster-id"),
    },
    signal,
  );
  return { metadata, attester };
}

/** Whose metadata service there is; QEMU's machines have a file instead. */
function cloudOf(variant: PlatformVariant): Cloud | undefined {
  return (["aws", "azure", "gcp"] as const).find((cloud) => variant.startsWith(`${cloud}-`));
}
