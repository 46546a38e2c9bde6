import type { Command } from "commander";
import { type CommandSetup, reportJson } from "../../program.ts";

/** The workspace of `mini` without --workspace. */
const MINI_WORKSPACE = "constellation-mini";

/** Defines `mini` and its subcommands. */
export function defineMini(program: Command, setup: CommandSetup): void {
  const mini = program
    .command("mini")
    .summary("create or end a small cluster on this computer")
    .description(
      `A small cluster on this computer: one control plane and one worker, in virtual machines, without root.

Its files are in the folder ${MINI_WORKSPACE}, or in the one that --workspace names.`,
    );
  setup
    .report(mini.command("up"))
    .summary("create a small cluster on this computer, or bring it up again")
    .description(
      `Create a small cluster on this computer, or bring it up again. If it is up, this takes seconds.

This computer is checked first (see \`constellation doctor\`). The node image must be there: \`make image\` builds it.
A configuration that is in the folder is used as it is.`,
    )
    .option("--image <path>", "node image (default: build/image/constellation.raw)")
    .option("-y, --yes", "answer all questions with yes", false)
    .action(
      setup.run(async (context, options: { image?: string; yes: boolean }) => {
        const { miniUp } = await import("./up.ts");
        context.io.out(await miniUp(context, options));
      }, MINI_WORKSPACE),
    );
  setup
    .report(mini.command("down"))
    .summary("end the small cluster")
    .description(
      `End the small cluster: its machines and their disks are deleted. This can't be undone.

You are asked whether configuration and master secret go, too; --yes keeps them.`,
    )
    .option("-y, --yes", "end the cluster without asking; configuration and master secret are kept", false)
    .option("--delete-master-secret", "delete the master secret, too", false)
    .option("--delete-config", "delete the configuration, too", false)
    .action(
      setup.run(async (context, options: { yes: boolean; deleteMasterSecret: boolean; deleteConfig: boolean }) => {
        const { miniDown } = await import("./down.ts");
        reportJson(context, await miniDown(context, options));
      }, MINI_WORKSPACE),
    );
}
