import type { Command } from "commander";
import type { CommandSetup } from "../../program.ts";

/** Defines `version`. */
export function defineVersion(program: Command, setup: CommandSetup): void {
  setup
    .report(program.command("version"))
    .summary("show versions")
    .description("Show the version of this program and of what it brings along.")
    .action(
      setup.run(async (context) => {
        const { describeVersion } = await import("./version.ts");
        context.io.out(describeVersion(context.json));
      }),
    );
}
