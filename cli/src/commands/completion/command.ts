import { Argument, type Command } from "commander";
import type { CommandSetup } from "../../program.ts";

/** Defines `completion`. */
export function defineCompletion(program: Command, setup: CommandSetup): void {
  program
    .command("completion")
    .summary("write a script that completes command lines")
    .description(
      `Write a script to stdout with which your shell completes command lines:

  bash:  source <(constellation completion bash)
  zsh:   source <(constellation completion zsh)
  fish:  constellation completion fish | source`,
    )
    .addArgument(new Argument("<shell>", "shell").choices(["bash", "zsh", "fish"]))
    .action(
      setup.run(async (context, _options, shell) => {
        const { completionScript, describeCommands } = await import("./completion.ts");
        context.io.out(completionScript(shell as "bash" | "zsh" | "fish", describeCommands(program)));
      }),
    );
}
