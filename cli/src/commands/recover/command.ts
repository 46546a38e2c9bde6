import type { Command } from "commander";
import { type CommandSetup, reportJson } from "../../program.ts";

/** Defines `recover`. */
export function defineRecover(program: Command, setup: CommandSetup): void {
  setup
    .report(program.command("recover"))
    .summary("recover control planes after all of them went down")
    .description(
      `Hand the master secret to control planes that wait for it, after all of them went down at once. As long as one is
up, nodes get their keys from it by themselves. It goes on until the API server is ready or every control plane was
served, and waits five minutes for each.

A node gets the secret only after its evidence was accepted.`,
    )
    .option("-e, --endpoint <host[:port]>", "node that is recovered, instead of the cluster's endpoint")
    .action(
      setup.run(async (context, options: { endpoint?: string }) => {
        const { recover } = await import("./recover.ts");
        reportJson(context, await recover(context, options));
      }),
    );
}
