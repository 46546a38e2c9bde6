/** What was tried: its value, or the expected error that it threw. */
export type Attempt<T, E> =
  | { readonly value: T; readonly error?: never }
  | { readonly value?: never; readonly error: E };

type ErrorClass = abstract new (...args: never[]) => Error;

/** Runs something that may throw an error of these classes. Errors of other classes are no verdict: they are handed on. */
export function attempt<T, Kind extends ErrorClass>(
  kinds: readonly Kind[],
  run: () => T,
): Attempt<T, InstanceType<Kind>> {
  try {
    return { value: run() };
  } catch (error) {
    if (kinds.some((kind) => error instanceof kind)) return { error: error as InstanceType<Kind> };
    throw error;
  }
}
