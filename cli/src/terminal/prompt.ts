import { CliError } from "../errors.ts";
import type { Io } from "./io.ts";

const TRIES = 3;

/**
 * Asks a question that is answered by y, yes, n or no.
 *
 * @throws CliError `no-answer` after three wrong answers or at the end of input
 */
export async function confirm(io: Io, question: string, signal: AbortSignal): Promise<boolean> {
  io.err(`${question} [y/n]${io.inIsTerminal ? "" : " (there is no terminal here: --yes goes on without asking)"}: `);
  for (let tries = 1; ; tries++) {
    const line = await io.readLine(signal);
    if (line === undefined) {
      io.err("\n");
      const why = io.inIsTerminal ? "the input has ended" : "there is no terminal, and the input has ended";
      throw new CliError("no-answer", `Ask "${question}" failed: ${why}`, {
        hint: "run the command with --yes (-y): it goes on without asking",
      });
    }
    const answer = line.trim().toLowerCase();
    if (answer === "y" || answer === "yes") return true;
    if (answer === "n" || answer === "no") return false;
    if (tries === TRIES) {
      throw new CliError("no-answer", `Ask "${question}" failed: got ${TRIES} answers, none of them y, yes, n or no`);
    }
    io.err("Type 'y' or 'yes' to confirm, or abort action with 'n' or 'no': ");
  }
}
