/** What went wrong in a build: closed set. */
export type BuildErrorCode = "program_missing" | "program_failed" | "input_missing" | "no_mirror" | "no_space";

/** A build step that failed, with what to do about it where that is known. */
export class BuildError extends Error {
  readonly code: BuildErrorCode;
  readonly hint: string | undefined;

  constructor(code: BuildErrorCode, message: string, options: { cause?: unknown; hint?: string } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "BuildError";
    this.code = code;
    this.hint = options.hint;
  }
}

const NO_SPACE = /no space left on device|disk quota exceeded/i;

const NO_SPACE_HINT =
  "free space there (df -h shows how much there is); CONSTELLATION_CACHE moves the build cache, TMPDIR what compilers put aside";

/** The error of a program that failed: `no_space` if its output says that a disk is full, which it seldom says last. */
export function programError(what: string, output: string): BuildError {
  const lines = output.trimEnd().split("\n");
  const tail = lines.slice(-25).join("\n");
  const full = lines.find((line) => NO_SPACE.test(line));
  if (full === undefined) return new BuildError("program_failed", `${what}\n${tail}`);
  return new BuildError("no_space", `${what}: ${full.trim()}\n${tail}`, { hint: NO_SPACE_HINT });
}

/**
 * Runs work that writes below `place`.
 *
 * @throws BuildError `no_space` that names the place, where its file system is full
 */
export async function writing<T>(place: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof BuildError || !(cause instanceof Error) || !NO_SPACE.test(cause.message)) throw cause;
    throw new BuildError("no_space", `Write '${place}' failed: ${cause.message}`, { cause, hint: NO_SPACE_HINT });
  }
}
