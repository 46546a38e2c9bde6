import type { Command } from "commander";
import { EXIT } from "../../exit-codes.ts";
import type { CommandSetup } from "../../program.ts";

/** Defines `doctor`. */
export function defineDoctor(program: Command, setup: CommandSetup): void {
  setup
    .report(program.command("doctor"))
    .summary("check whether this computer can run a cluster")
    .description(
      `Check whether this computer can run a cluster: processor, memory, disk, virtualisation, tools and node image. Each
finding says what can be done. The exit code is 1 if something would keep a cluster from running.`,
    )
    .action(
      setup.run(async (context) => {
        const { describeFindings, examineWorkspace } = await import("./doctor.ts");
        const findings = await examineWorkspace(context);
        context.io.out(describeFindings(findings, context.json));
        return findings.some((finding) => finding.outcome === "failed") ? EXIT.failed : EXIT.ok;
      }),
    );
}
