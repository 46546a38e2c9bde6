import { Command, Option } from "commander";
import { defineApply } from "./commands/apply/command.ts";
import { defineCompletion } from "./commands/completion/command.ts";
import { defineConfig } from "./commands/config/command.ts";
import { defineDoctor } from "./commands/doctor/command.ts";
import { defineEvidence } from "./commands/evidence/command.ts";
import { defineKeys } from "./commands/keys/command.ts";
import { defineMini } from "./commands/mini/command.ts";
import { defineRecover } from "./commands/recover/command.ts";
import { defineStatus } from "./commands/status/command.ts";
import { defineTerminate } from "./commands/terminate/command.ts";
import { defineVerify } from "./commands/verify/command.ts";
import { defineVersion } from "./commands/version/command.ts";
import type { Context } from "./context.ts";

/** Flags that every command has. */
export interface GlobalOptions {
  readonly workspace: string;
  readonly debug: boolean;
  readonly force: boolean;
}

/** What a command's own options say beside the global flags. */
export interface CommandSetup {
  /** Adds `--output json` to a command that reports. */
  report(command: Command): Command;
  /**
   * Wraps a handler as a commander action: makes its context, and keeps the exit code that the handler returns.
   *
   * @param defaultWorkspace the workspace of this command without --workspace
   */
  run<Options>(
    handler: (context: Context, options: Options, ...operands: string[]) => Promise<number | void>,
    defaultWorkspace?: string,
  ): (...args: unknown[]) => Promise<void>;
}

/** Builds the command tree. Handlers and what they need are imported only when a command runs. */
export function createProgram(makeSetup: (program: Command) => CommandSetup): Command {
  const program = new Command("constellation")
    .description(
      `Confidential Kubernetes: a cluster that is shielded as a whole from the infrastructure under it.

Get a cluster on this computer with:  constellation mini up`,
    )
    .option("-C, --workspace <folder>", "folder with the cluster's files", "")
    .option("--debug", "say in detail what is done, with stack traces", false)
    .option("--force", "go on although a check of this computer has failed", false)
    .helpCommand("help [command]", "show help for a command")
    .showHelpAfterError("(see --help)")
    .addHelpText(
      "after",
      `
Exit codes: 0 done; 1 refused or failed; 2 wrong command line; 130 interrupted.
Reports go to stdout, everything else to stderr.
CONSTELL_NO_SPINNER=1 switches the spinner off.`,
    );
  const setup = makeSetup(program);
  defineConfig(program, setup);
  defineApply(program, setup);
  defineMini(program, setup);
  defineStatus(program, setup);
  defineVerify(program, setup);
  defineEvidence(program, setup);
  defineRecover(program, setup);
  defineKeys(program, setup);
  defineTerminate(program, setup);
  defineDoctor(program, setup);
  defineVersion(program, setup);
  defineCompletion(program, setup);
  joinLines(program);
  return program;
}

/** Lines of a paragraph are one for commander, which wraps it to the terminal; indented lines stay lines. */
function joinLines(command: Command): void {
  command.description(command.description().replace(/(?<=\S)\n(?=\S)/g, " "));
  command.commands.forEach(joinLines);
}

/** Writes what a command did, where --output json asks for it; for people it was said on stderr. */
export function reportJson(context: Context, report: object): void {
  if (context.json) context.io.out(`${JSON.stringify(report, null, 2)}\n`);
}

/** Whether a command line asks for JSON; for one that is wrong, so that commander has not read it to its end. */
export function asksForJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) =>
      word === "--output=json" ||
      word === "-ojson" ||
      (word === "json" && ["--output", "-o"].includes(argv[index - 1] ?? "")),
  );
}

/** The option of commands that report. */
export function outputOption(): Option {
  return new Option("-o, --output <format>", "how to report").choices(["text", "json"]).default("text");
}
