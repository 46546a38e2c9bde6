import { LocalError, type LocalErrorCode, type LocalErrorOptions, systemErrorCode } from "../errors.ts";

const HINT = "free space there (df -h shows how much there is), then run the same command again";

/**
 * Runs work that writes to `path`.
 * @throws LocalError "no-space" that names the path, where its file system or the user's quota is full
 */
export async function writing<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!["ENOSPC", "EDQUOT"].includes(systemErrorCode(cause) ?? "")) throw cause;
    throw new LocalError("no-space", `Write "${path}" failed: no space is left on its file system`, {
      cause,
      hint: HINT,
    });
  }
}

/** The error of a program whose last words are in `message`: its code is "no-space" if they say that a disk is full. */
export function programError(code: LocalErrorCode, message: string, options: LocalErrorOptions = {}): LocalError {
  const isFull = /no space left on device|disk quota exceeded/i.test(message);
  return isFull
    ? new LocalError("no-space", message, { ...options, hint: HINT })
    : new LocalError(code, message, options);
}
