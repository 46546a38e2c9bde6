import { type Command, InvalidArgumentError } from "commander";
import { ATTESTATION_VARIANTS, type AttestationVariant, isAttestationVariant } from "@constellation/config/variants";
import { type CommandSetup, reportJson } from "../../program.ts";
import type { GenerateOptions } from "./generate.ts";

/** Defines `config` and its subcommands. */
export function defineConfig(program: Command, setup: CommandSetup): void {
  const config = program
    .command("config")
    .summary("work with the configuration file")
    .description("Work with the configuration file.");
  config
    .command("generate")
    .summary("write a new configuration")
    .description(
      `Write constellation-conf.yaml, with a comment at each field. An existing file is never overwritten.

The measurements that nodes must show come from measurements.json beside the node image.`,
    )
    .argument("<provider>", "where the cluster runs: qemu", parseProvider)
    .option("--image <path>", "node image (default: build/image/constellation.raw)")
    .option("--name <name>", "name of the cluster", "constell")
    .option(
      "-a, --attestation <variant>",
      `what nodes must prove: ${Object.keys(ATTESTATION_VARIANTS).join(", ")}`,
      parseVariant,
      "qemu-vtpm" as AttestationVariant,
    )
    .option("-t, --tags <tags>", "tags, as key=value,key=value", parseTags, {})
    .action(
      setup.run(async (context, options: GenerateOptions) => {
        const { generateConfig } = await import("./generate.ts");
        await generateConfig(context, options);
      }),
    );
  setup
    .report(config.command("validate"))
    .summary("check the configuration")
    .description("Check constellation-conf.yaml and list every wrong field with what it is and what it should be.")
    .action(
      setup.run(async (context) => {
        const { name, kubernetesVersion } = await context.workspace.readConfig();
        context.io.err("The configuration is valid.\n");
        reportJson(context, { valid: true, name, kubernetesVersion });
      }),
    );
}

function parseProvider(text: string): string {
  if (text === "qemu") return text;
  throw new InvalidArgumentError(`There is no provider "${text}"; the provider is qemu.`);
}

function parseVariant(text: string): AttestationVariant {
  if (isAttestationVariant(text)) return text;
  const wanted = Object.keys(ATTESTATION_VARIANTS).join(", ");
  throw new InvalidArgumentError(`There is no attestation variant "${text}"; variants are ${wanted}.`);
}

function parseTags(text: string): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const part of text.split(",")) {
    const [key, value, ...rest] = part.split("=");
    if (key === undefined || key === "" || value === undefined || rest.length > 0) {
      throw new InvalidArgumentError(`Got "${part}", wanted key=value.`);
    }
    tags[key] = value;
  }
  return tags;
}
