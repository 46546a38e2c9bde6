import { hex } from "@constellation/bytes";
import { describeEvent } from "./describe.ts";
import type { EventLog, LogEvent } from "./event-log.ts";
import { isMeasured } from "./event-log.ts";
import { eventTypeName } from "./event-type.ts";
import type { PredictedEvent, PredictedMeasurements } from "./predict.ts";

/** One thing in which a boot differs from its prediction. */
export interface Difference {
  readonly pcr: number;
  /** `missing`: predicted but not logged; `unexpected`: logged but not predicted; `changed`: one in place of the other. */
  readonly kind: "missing" | "unexpected" | "changed";
  readonly predicted?: PredictedEvent;
  readonly logged?: LogEvent;
  /** One line for people. */
  readonly text: string;
}

/**
 * Compares a prediction with the log of a boot, event by event, for the PCRs predicted. An empty list means that the
 * log leads to the predicted values. A log is to be believed only when its replay equals quoted PCR values; this finds
 * the words. In a log without the SHA-256 bank all events differ.
 */
export function explainDifference(predicted: PredictedMeasurements, log: EventLog): Difference[] {
  return Object.keys(predicted.pcrs).flatMap((key) => {
    const pcr = Number(key);
    const wanted = predicted.events.filter((event) => event.pcr === pcr);
    const got = log.events.filter((event) => event.pcrIndex === pcr && isMeasured(event));
    return differingRuns(wanted, got).flatMap((run) => differencesOf(pcr, run));
  });
}

/** Events of both sides that stand between two events on which they agree. */
interface Run {
  readonly predicted: PredictedEvent[];
  readonly logged: LogEvent[];
}

/** Walks along a longest common subsequence by digest, so that one event too many does not make all others differ. */
function differingRuns(wanted: readonly PredictedEvent[], got: readonly LogEvent[]): Run[] {
  const common = commonLengths(wanted, got);
  const runs: Run[] = [{ predicted: [], logged: [] }];
  for (let w = 0, g = 0; w < wanted.length || g < got.length; ) {
    const predicted = wanted[w];
    const logged = got[g];
    const run = runs.at(-1) as Run;
    if (predicted !== undefined && logged !== undefined && isEqual(predicted, logged)) {
      runs.push({ predicted: [], logged: [] });
      w++;
      g++;
    } else if (logged === undefined || (predicted !== undefined && at(common, w + 1, g) >= at(common, w, g + 1))) {
      run.predicted.push(predicted as PredictedEvent);
      w++;
    } else {
      run.logged.push(logged);
      g++;
    }
  }
  return runs;
}

/** `table[w][g]`: the length of the longest common subsequence of the events from w and from g on. */
function commonLengths(wanted: readonly PredictedEvent[], got: readonly LogEvent[]): Uint32Array[] {
  const table = Array.from({ length: wanted.length + 1 }, () => new Uint32Array(got.length + 1));
  for (let w = wanted.length - 1; w >= 0; w--) {
    for (let g = got.length - 1; g >= 0; g--) {
      const both = isEqual(wanted[w] as PredictedEvent, got[g] as LogEvent);
      (table[w] as Uint32Array)[g] = both
        ? at(table, w + 1, g + 1) + 1
        : Math.max(at(table, w + 1, g), at(table, w, g + 1));
    }
  }
  return table;
}

function at(table: readonly Uint32Array[], w: number, g: number): number {
  return (table[w] as Uint32Array)[g] as number;
}

function isEqual(predicted: PredictedEvent, logged: LogEvent): boolean {
  return predicted.digest === digestOf(logged);
}

function differencesOf(pcr: number, { predicted, logged }: Run): Difference[] {
  return Array.from({ length: Math.max(predicted.length, logged.length) }, (_, index) =>
    difference(pcr, predicted[index], logged[index]),
  );
}

function difference(pcr: number, predicted: PredictedEvent | undefined, logged: LogEvent | undefined): Difference {
  if (predicted === undefined && logged !== undefined) {
    return { pcr, kind: "unexpected", logged, text: `PCR ${pcr}: got ${loggedText(logged)}, wanted no such event` };
  }
  const wanted = predicted as PredictedEvent;
  if (logged === undefined) {
    return {
      pcr,
      kind: "missing",
      predicted: wanted,
      text: `PCR ${pcr}: got no event, wanted ${predictedText(wanted)}`,
    };
  }
  const text = `PCR ${pcr}: got ${loggedText(logged)}, wanted ${predictedText(wanted)}`;
  return { pcr, kind: "changed", predicted: wanted, logged, text };
}

function predictedText({ type, description, digest }: PredictedEvent): string {
  return `${type} ${description} with digest "${digest}"`;
}

function loggedText(event: LogEvent): string {
  const type = eventTypeName(event.eventType);
  return `event ${event.number} ${type} ${describeEvent(event)} with digest "${digestOf(event)}"`;
}

function digestOf(event: LogEvent): string {
  const digest = event.digests.get("sha256");
  return digest === undefined ? "" : hex(digest);
}
