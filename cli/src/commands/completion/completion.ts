import type { Command } from "commander";

/** A command as completion sees it. */
export interface CommandWords {
  /** Words from the program's name on: `["constellation", "mini", "up"]`. */
  readonly path: readonly string[];
  readonly subcommands: readonly { readonly name: string; readonly text: string }[];
  readonly options: readonly { readonly flag: string; readonly text: string; readonly takesValue: boolean }[];
  /** Fixed choices of the first operand. */
  readonly choices: readonly string[];
}

/** Lists a command and everything below it. */
export function describeCommands(command: Command, before: readonly string[] = []): CommandWords[] {
  const path = [...before, command.name()];
  const help = command.createHelp();
  const options = [...help.visibleOptions(command), ...(before.length === 0 ? [] : rootOptions(command))];
  const own: CommandWords = {
    path,
    subcommands: help
      .visibleCommands(command)
      .map((child) => ({ name: child.name(), text: child.summary() || firstLine(child.description()) })),
    options: options.flatMap((option) =>
      [option.short, option.long]
        .filter((flag) => flag !== undefined && flag !== null)
        .map((flag) => ({ flag, text: option.description, takesValue: option.required })),
    ),
    choices: command.registeredArguments[0]?.argChoices ?? [],
  };
  return [own, ...command.commands.flatMap((child) => describeCommands(child, path))];
}

/** Writes the script for one shell. */
export function completionScript(shell: "bash" | "zsh" | "fish", commands: readonly CommandWords[]): string {
  if (shell === "fish") return fishScript(commands);
  return shell === "bash" ? bashScript(commands) : zshScript(commands);
}

function rootOptions(command: Command): Command["options"] {
  let root = command;
  while (root.parent !== null) root = root.parent;
  return root.options;
}

function bashScript(commands: readonly CommandWords[]): string {
  return `# bash completion for constellation
_constellation() {
  local word path="constellation" skip="" index
  local current="\${COMP_WORDS[COMP_CWORD]}"
  for ((index = 1; index < COMP_CWORD; index++)); do
    word="\${COMP_WORDS[index]}"
    if [[ -n "$skip" ]]; then skip=""; continue; fi
    case "$word" in
      ${valueFlags(commands).join("|")}) skip=yes ;;
      -*) ;;
      *) path="$path $word" ;;
    esac
  done
  if [[ -n "$skip" ]]; then COMPREPLY=($(compgen -f -- "$current")); return; fi
  case "$path" in
${commands.map((command) => `    ${quote(command.path.join(" "))}) COMPREPLY=($(compgen -W ${quote(wordsOf(command).join(" "))} -- "$current")) ;;`).join("\n")}
    *) COMPREPLY=() ;;
  esac
}
complete -F _constellation constellation
`;
}

function zshScript(commands: readonly CommandWords[]): string {
  return `#compdef constellation
# zsh completion for constellation
_constellation() {
  local word commandpath="constellation" skip="" index
  for ((index = 2; index < CURRENT; index++)); do
    word="\${words[index]}"
    if [[ -n "$skip" ]]; then skip=""; continue; fi
    case "$word" in
      ${valueFlags(commands).join("|")}) skip=yes ;;
      -*) ;;
      *) commandpath="$commandpath $word" ;;
    esac
  done
  if [[ -n "$skip" ]]; then _files; return; fi
  local -a candidates
  case "$commandpath" in
${commands.map((command) => `    ${quote(command.path.join(" "))}) candidates=(${zshWords(command).join(" ")}) ;;`).join("\n")}
  esac
  _describe 'command' candidates
}
compdef _constellation constellation
`;
}

function fishScript(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap((command) => {
    const names = command.path.slice(1);
    const missing = command.subcommands.map(({ name }) => name).join(" ");
    const seen = names.map((name) => `__fish_seen_subcommand_from ${name}`).join("; and ");
    const condition = [seen, missing === "" ? "" : `not __fish_seen_subcommand_from ${missing}`]
      .filter((part) => part !== "")
      .join("; and ");
    const when = condition === "" ? "" : ` -n ${quote(condition)}`;
    return [
      ...command.subcommands.map(
        ({ name, text }) => `complete -c constellation -f${when} -a ${name} -d ${quote(text)}`,
      ),
      ...command.choices.map((word) => `complete -c constellation -f${when} -a ${word}`),
      ...command.options.map(({ flag, text, takesValue }) => {
        const name = flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`;
        return `complete -c constellation${when} ${name}${takesValue ? " -r" : ""} -d ${quote(text)}`;
      }),
    ];
  });
  return `# fish completion for constellation\n${[...new Set(lines)].join("\n")}\n`;
}

function wordsOf(command: CommandWords): string[] {
  return [
    ...command.subcommands.map(({ name }) => name),
    ...command.choices,
    ...command.options.map(({ flag }) => flag),
  ];
}

function zshWords(command: CommandWords): string[] {
  const described = [
    ...command.subcommands.map(({ name, text }) => [name, text]),
    ...command.choices.map((word) => [word, ""]),
    ...command.options.map(({ flag, text }) => [flag, text]),
  ];
  return described.map(([word = "", text = ""]) =>
    quote(text === "" ? word : `${word}:${text.replaceAll(":", "\\:")}`),
  );
}

function valueFlags(commands: readonly CommandWords[]): string[] {
  return [
    ...new Set(
      commands.flatMap(({ options }) => options.filter(({ takesValue }) => takesValue).map(({ flag }) => flag)),
    ),
  ];
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function firstLine(text: string): string {
  return text.split("\n")[0] ?? "";
}
