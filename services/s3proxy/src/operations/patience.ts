import { setTimeout as delay } from "node:timers/promises";
import { asS3Error, errorXml } from "../http/error-answer.ts";
import { XML_HEAD } from "../http/xml.ts";
import { type Answer, type ObjectCall, type Parts, type XmlAnswer, xmlAnswer } from "./call.ts";

const BETWEEN_SPACES_MS = 5_000;

/** An operation whose answer is a document. */
type Operation = (call: ObjectCall, parts: Parts) => Promise<XmlAnswer>;

/**
 * Keeps clients waiting for operations that can take long, as S3 does: after some seconds the answer begins with status
 * 200 and spaces, and ends with the result or with an error in its place. SDKs look for that.
 */
export function patiently(operation: Operation): (call: ObjectCall, parts: Parts) => Promise<Answer> {
  return async (call, parts) => {
    const stop = new AbortController();
    const answer = operation(call, parts);
    const late = delay(parts.patienceMs, undefined, { signal: stop.signal, ref: false }).catch(() => undefined);
    try {
      const first = await Promise.race([answer, late]);
      return first ?? { ...xmlAnswer(""), body: spaced(answer) };
    } finally {
      stop.abort();
    }
  };
}

function spaced(answer: Promise<XmlAnswer>): AsyncGenerator<Uint8Array> {
  return untilSettled(
    answer.then(
      ({ body }) => body,
      (error: unknown) => errorXml(asS3Error(error)),
    ),
  );
}

async function* untilSettled(result: Promise<string>): AsyncGenerator<Uint8Array> {
  yield Buffer.from(XML_HEAD);
  for (;;) {
    const text = await Promise.race([result, delay(BETWEEN_SPACES_MS, undefined, { ref: false })]);
    if (text !== undefined) return yield Buffer.from(text.slice(XML_HEAD.length));
    yield Buffer.from(" ");
  }
}
