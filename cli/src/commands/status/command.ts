import type { Command } from "commander";
import { EXIT } from "../../exit-codes.ts";
import type { CommandSetup } from "../../program.ts";

/** Defines `status`. */
export function defineStatus(program: Command, setup: CommandSetup): void {
  setup
    .report(program.command("status"))
    .summary("show how the cluster is")
    .description(
      `Show machines, nodes, versions and attestation policy. The exit code is 1 if a machine has ended, a node is not
Ready, or the API server does not answer.`,
    )
    .action(
      setup.run(async (context) => {
        const { describeStatus, isHealthy, status } = await import("./status.ts");
        const report = await status(context);
        context.io.out(describeStatus(report, context.json));
        return isHealthy(report) ? EXIT.ok : EXIT.failed;
      }),
    );
}
