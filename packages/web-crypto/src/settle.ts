import { WebCryptoError } from "./error.ts";

/** Most keys and signatures that one judgement may ask about. Evidence of any kind asks about a few dozen. */
export const MAX_QUESTIONS = 1024;

/** Something that only WebCrypto can tell, and not at once. */
interface Question {
  readonly id: string;
  readonly answer: () => Promise<unknown>;
}

/** One run of a judgement: what is known by now, and what it asked for in vain. */
interface Run {
  readonly answers: ReadonlyMap<string, unknown>;
  open: Question | undefined;
}

/** Ends a run early. Nobody has to let it through: a run with an open question counts for nothing, whatever it says. */
class Unwinding extends Error {}

let current: Run | undefined;

/**
 * Runs a synchronous judgement with answers that take time: where one is missing the run is broken off, the answer
 * waited for, and the judgement run anew. What comes out is what came out of the one run in which no answer was missing,
 * result or error. The judgement must ask the same questions for the same answers.
 * @throws WebCryptoError `too_many_questions`, or what `answer` or the complete run threw
 */
export async function settle<T>(judge: () => T): Promise<T> {
  const answers = new Map<string, unknown>();
  while (answers.size <= MAX_QUESTIONS) {
    const { end, open } = runWith(answers, judge);
    if (open === undefined) return end();
    answers.set(open.id, await open.answer());
  }
  throw new WebCryptoError(
    "too_many_questions",
    `Judge failed: got more than "${MAX_QUESTIONS}" keys and signatures, wanted fewer`,
  );
}

/** The answer to a question, which the same id stands for within one judgement. Breaks the run off if there is none. */
export function ask(id: string, answer: () => Promise<unknown>): unknown {
  if (current === undefined) {
    throw new WebCryptoError("not_settling", "Look at key or signature failed: got a call outside of settle()");
  }
  if (current.open === undefined && current.answers.has(id)) return current.answers.get(id);
  current.open ??= { id, answer };
  throw new Unwinding("The answer of WebCrypto is awaited");
}

/** Runs are synchronous and not nested, so that what is set here is no other judgement's. */
function runWith<T>(answers: ReadonlyMap<string, unknown>, judge: () => T): { end: () => T; open: Run["open"] } {
  const run: Run = { answers, open: undefined };
  const outer = current;
  current = run;
  try {
    const result = judge();
    return { end: () => result, open: run.open };
  } catch (error) {
    const end = (): never => {
      throw error;
    };
    return { end, open: run.open };
  } finally {
    current = outer;
  }
}
