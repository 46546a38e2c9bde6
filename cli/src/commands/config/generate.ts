import { CONFIG_FILE, generateQemuConfig } from "@constellation/config";
import type { AttestationVariant } from "@constellation/config/variants";
import { findImage } from "../../cluster/image.ts";
import type { Context } from "../../context.ts";

/** Options of `config generate`. */
export interface GenerateOptions {
  readonly image?: string;
  readonly name: string;
  readonly attestation: AttestationVariant;
  readonly tags: Readonly<Record<string, string>>;
}

/** Writes a new configuration for provider qemu. */
export async function generateConfig(context: Context, options: GenerateOptions): Promise<void> {
  const { workspace, io } = context;
  const image = await findImage(context, options.image);
  await workspace.createConfig(
    generateQemuConfig({
      image: workspace.portable(image.path),
      measurements: image.measurements,
      debugCluster: image.debug,
      name: options.name,
      tags: options.tags,
      attestation: options.attestation,
    }),
  );
  io.err(`The configuration was written to ${workspace.show(CONFIG_FILE)}.\n`);
  if (options.attestation === "qemu-vtpm") {
    io.err("Edit it if you like, and create the cluster with `constellation apply`.\n");
  } else {
    io.err("Fill in its attestation section: `constellation config validate` names the fields that are missing.\n");
  }
}
