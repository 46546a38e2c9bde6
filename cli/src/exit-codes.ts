/**
 * Exit codes of the command line.
 *
 * - `ok` the command did what it says.
 * - `failed` it was refused or failed; the reason stands on stderr.
 * - `usage` the command line itself is wrong.
 * - `interrupted` ended by Ctrl-C or SIGTERM; the same command can be run again.
 */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];
