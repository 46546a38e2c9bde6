import { codeOf } from "@constellation/atls";
import { describeError, type Log, type LogFields } from "@constellation/pod";
import { EvidenceError, JoinError } from "./errors.ts";

/** Fields of a log line that say why something was refused: code, field, got, wanted, and all in words. */
export function refusalFields(error: unknown): LogFields {
  const causes = [...chain(error)];
  const known = causes.find((cause) => cause instanceof JoinError || cause instanceof EvidenceError);
  const check = causes.find((cause) => cause instanceof EvidenceError)?.code;
  return { code: known?.code ?? codeOf(error) ?? "internal", check, ...known?.details, reason: describeError(error) };
}

/**
 * Runs a request for a ticket and writes one audit line: what was asked, by which node, and what came of it. Tickets
 * never get into it.
 */
export async function audited<T>(log: Log, event: string, fields: LogFields, request: () => Promise<T>): Promise<T> {
  try {
    const ticket = await request();
    log.record(event, { outcome: "granted", ...fields });
    return ticket;
  } catch (error) {
    log.record(event, { outcome: "refused", ...fields, ...refusalFields(error) });
    throw error;
  }
}

function* chain(error: unknown): Generator<Error> {
  for (let at: unknown = error; at instanceof Error; at = at.cause) yield at;
}
