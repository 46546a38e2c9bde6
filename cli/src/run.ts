import { dirname, resolve } from "node:path";
import { Command, CommanderError } from "commander";
import { systemClock } from "./clock.ts";
import type { Context, Dependencies } from "./context.ts";
import { type ErrorReport, exitCodeOf, reportError } from "./errors.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { listenForInterrupts, type SignalSource } from "./interrupt.ts";
import { asksForJson, type CommandSetup, createProgram, type GlobalOptions, outputOption } from "./program.ts";
import type { Clock } from "./clock.ts";
import type { Io } from "./terminal/io.ts";
import { printable, printableLines } from "./terminal/printable.ts";
import { createProgress } from "./terminal/progress.ts";

/** The process around a run of the program. */
export interface RunEnvironment {
  readonly io: Io;
  readonly signals: SignalSource;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly clock?: Clock;
  readonly dependencies?: Dependencies;
}

/** Runs one command line and gives its exit code. All errors end here. */
export async function run(argv: readonly string[], around: RunEnvironment): Promise<ExitCode> {
  const outcome: Outcome = { exitCode: EXIT.ok, debug: argv.includes("--debug"), json: false };
  const interrupts = listenForInterrupts(around.signals, (text) => around.io.err(text));
  try {
    const program = createProgram((root) => commandSetup(root, around, interrupts.signal, outcome));
    quietCommander(program, around.io);
    await program.parseAsync([...argv], { from: "user" });
    return outcome.exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return endOfCommander(error, argv, around.io);
    const cause = interrupts.signal.aborted ? (interrupts.signal.reason as unknown) : error;
    showError(cause, around.io, outcome);
    return exitCodeOf(cause);
  } finally {
    interrupts.stop();
  }
}

/** Commander has written help, or what is wrong with the command line, to stderr already. */
function endOfCommander(error: CommanderError, argv: readonly string[], io: Io): ExitCode {
  if (error.exitCode === 0) return EXIT.ok;
  if (asksForJson(argv)) {
    const isHelp = error.code === "commander.help";
    const message = isHelp ? "a command is missing" : error.message.replace(/^error: /, "");
    const report: ErrorReport = { code: "usage", message: printableLines(message), hint: "see --help" };
    io.out(`${JSON.stringify({ error: report }, null, 2)}\n`);
  }
  return EXIT.usage;
}

interface Outcome {
  exitCode: ExitCode;
  readonly debug: boolean;
  json: boolean;
}

function commandSetup(program: Command, around: RunEnvironment, signal: AbortSignal, outcome: Outcome): CommandSetup {
  return {
    report: (command) => command.addOption(outputOption()),
    run:
      (handler, defaultWorkspace = "") =>
      async (...args) => {
        // Commander passes operands, then options, then the command.
        const command = args.at(-1) as Command;
        const options = command.opts<{ output?: string }>();
        outcome.json = options.output === "json";
        const context = await makeContext(
          program.opts<GlobalOptions>(),
          around,
          signal,
          outcome.json,
          defaultWorkspace,
        );
        const code = await handler(context, options as never, ...command.args);
        if (code === EXIT.failed) outcome.exitCode = EXIT.failed;
      },
  };
}

async function makeContext(
  options: GlobalOptions,
  around: RunEnvironment,
  signal: AbortSignal,
  json: boolean,
  defaultWorkspace: string,
): Promise<Context> {
  const { Workspace } = await import("./workspace/workspace.ts");
  const { io, workingDirectory, environment } = around;
  const clock = around.clock ?? systemClock;
  const shown = options.workspace === "" ? defaultWorkspace : options.workspace;
  const spinner = io.errIsTerminal && !options.debug && (environment["CONSTELL_NO_SPINNER"] ?? "") === "";
  return {
    io,
    clock,
    signal,
    workingDirectory,
    json,
    force: options.force,
    programFolder: resolve(dirname(import.meta.filename), "../.."),
    progress: createProgress({ io, clock, spinner, columns: () => process.stderr.columns ?? 80 }),
    workspace: new Workspace(resolve(workingDirectory, shown), shown),
    dependencies: around.dependencies ?? (await import("./adapters/dependencies.ts")).systemDependencies(),
    debug: (text) => (options.debug ? io.err(`${clock.now().toISOString()} ${printable(text)}\n`) : undefined),
  };
}

function quietCommander(command: Command, io: Io): void {
  command.exitOverride().configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) });
  for (const child of command.commands) quietCommander(child, io);
}

function showError(error: unknown, io: Io, outcome: Outcome): void {
  const report = reportError(error);
  if (outcome.json) io.out(`${JSON.stringify({ error: report }, null, 2)}\n`);
  io.err(`Error: ${printableLines(report.message)}\n`);
  if (report.hint !== undefined) io.err(`Hint: ${printableLines(report.hint)}\n`);
  if (outcome.debug && error instanceof Error) io.err(`${printableLines(error.stack ?? "")}\n`);
}
