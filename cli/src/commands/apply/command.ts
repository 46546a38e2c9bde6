import { type Command, InvalidArgumentError } from "commander";
import type { CommandSetup } from "../../program.ts";
import { PHASES, type Phase } from "./phase.ts";

/** Defines `apply`. */
export function defineApply(program: Command, setup: CommandSetup): void {
  const command = program
    .command("apply")
    .summary("create or change a cluster")
    .description(
      `Bring the cluster to what the configuration says.

A plan is shown first, and before anything is created or removed you are asked.

Phases:
  infrastructure      create, start and remove machines
  init                verify the first control plane and turn it into a cluster
  attestationconfig   bring node records and policy in the cluster up to date

Workers that are not wanted any more are drained first: their pods move to other nodes as PodDisruptionBudgets allow.

Then it waits until all nodes are Ready and the cluster's DNS answers; --skip-node-wait skips both waits. When it is cut
off anywhere, run it again: it goes on where it stopped.`,
    )
    .option("-y, --yes", "create or change without asking", false)
    .option("--skip-phases <names>", `phases to leave out, separated by commas (${PHASES.join(", ")})`, parsePhases, [])
    .option("--skip-node-wait", "do not wait until all nodes are Ready and DNS answers", false)
    .option("--keep-master-secret", "keep the master secret of a cluster whose root key is in an external KMS", false);
  setup.report(command).action(
    setup.run(async (context, options: ApplyFlags) => {
      const { apply, describeResult } = await import("./apply.ts");
      const result = await apply(context, { ...options, skipPhases: new Set(options.skipPhases) });
      context.io.out(describeResult(context, result));
    }),
  );
}

interface ApplyFlags {
  readonly yes: boolean;
  readonly skipPhases: Phase[];
  readonly skipNodeWait: boolean;
  readonly keepMasterSecret: boolean;
}

function parsePhases(text: string, before: Phase[]): Phase[] {
  const names = text.split(",").map((name) => name.trim());
  for (const name of names) {
    if (!PHASES.some((phase) => phase === name)) {
      throw new InvalidArgumentError(`There is no phase "${name}"; phases are ${PHASES.join(", ")}.`);
    }
  }
  return [...before, ...(names as Phase[])];
}
