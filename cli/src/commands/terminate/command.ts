import type { Command } from "commander";
import { type CommandSetup, reportJson } from "../../program.ts";

/** Defines `terminate`. */
export function defineTerminate(program: Command, setup: CommandSetup): void {
  setup
    .report(program.command("terminate"))
    .summary("end a cluster and delete its machines")
    .description(
      `End the cluster: all its machines and their disks are deleted. This can't be undone.

The configuration stays, and so does the master secret, with which data of this cluster that is kept elsewhere
(backups, volumes) can be decrypted. You are asked about the master secret; --yes keeps it.`,
    )
    .option("-y, --yes", "end the cluster without asking, and keep the master secret", false)
    .option("--delete-master-secret", "delete the master secret, too", false)
    .action(
      setup.run(async (context, options: { yes: boolean; deleteMasterSecret: boolean }) => {
        const { terminate } = await import("./terminate.ts");
        const result = await terminate(context, { ...options, deleteConfig: "keep" });
        reportJson(context, result);
      }),
    );
}
