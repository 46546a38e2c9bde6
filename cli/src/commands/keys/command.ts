import { type Command, InvalidArgumentError } from "commander";
import type { CommandSetup } from "../../program.ts";

interface RotateFlags {
  readonly yes: boolean;
  readonly another: boolean;
  readonly wait: boolean;
  readonly timeout: number;
  readonly prune: boolean;
  readonly objectsRewritten: boolean;
}

/** Defines `keys` and its subcommands. */
export function defineKeys(program: Command, setup: CommandSetup): void {
  const keys = program
    .command("keys")
    .summary("rotate the master secret, and see what uses which generation")
    .description("Work with the keys of a cluster. All of them are derived from its master secret.");
  setup
    .report(keys.command("status"))
    .summary("show the generations of the master secret and what uses them")
    .description(
      `Show which generations of the master secret there are, which one is current, and how many state disks, volumes and
Kubernetes secrets use an older one. Shows no key.`,
    )
    .action(
      setup.run(async (context) => {
        const { describeKeys, keysStatus } = await import("./status.ts");
        context.io.out(describeKeys(await keysStatus(context), context.json));
      }),
    );
  setup
    .report(keys.command("rotate"))
    .summary("make a new generation of the master secret")
    .description(
      `Make a new generation of the master secret, write it to constellation-mastersecret.json and to the cluster, and wait
until everything uses it. Nodes change the key of their disk when they boot next; Kubernetes secrets are written again once
all API servers encrypt under the new key. Back the file up again afterwards.

It can be interrupted at any time: the new generation stays, and the same command goes on with it until everything uses it.

With --prune no new generation is made: generations that nothing uses any more are removed, but for the first.`,
    )
    .option("-y, --yes", "go on without asking", false)
    .option("--another", "make one more although not everything uses the current generation yet", false)
    .option("--no-wait", "do not wait until everything uses the new generation")
    .option("--timeout <minutes>", "how long to wait", parseMinutes, 60)
    .option("--prune", "remove generations that nothing uses any more", false)
    .option("--objects-rewritten", "with --prune: no object of the S3 proxy needs an older generation", false)
    .action(
      setup.run(async (context, { timeout, prune, ...options }: RotateFlags) => {
        const { describeKeys } = await import("./status.ts");
        const work = async () => {
          if (prune) return (await import("./prune.ts")).pruneKeys(context, options);
          const { rotateKeys } = await import("./rotate.ts");
          return rotateKeys(context, { ...options, timeoutMinutes: timeout });
        };
        context.io.out(describeKeys(await work(), context.json));
      }),
    );
}

function parseMinutes(text: string): number {
  const minutes = Number(text);
  if (/^[0-9]+$/.test(text) && minutes >= 1 && minutes <= 10_080) return minutes;
  throw new InvalidArgumentError(`Got ${JSON.stringify(text)}, wanted 1 to 10080.`);
}
