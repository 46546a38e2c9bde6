import { EvidenceError } from "../../error.ts";
import { EvidenceFiles } from "../../files.ts";
import { judgeCase } from "../../case/judge-case.ts";
import { codesOf, type TestCase } from "../cases.ts";
import { type Part, partsOf } from "./part.ts";
import { type Range, type Reason, reasonsByPosition } from "./range.ts";
import { unprotectedIn } from "./unprotected.ts";

/** What each byte is changed with: all bits, then the lowest. */
const MASKS: readonly number[] = [0xff, 0x01];

/** A change that was not refused as it should have been. */
export interface Finding {
  readonly position: number;
  readonly mask: number;
  /** "accepted", or the error of another class than the package's that came out. */
  readonly outcome: string;
}

/** What came of changing each byte of a part. */
export interface FlippedPart {
  readonly id: string;
  readonly kind: string;
  readonly part: string;
  readonly positions: number;
  readonly flips: number;
  /** Flips that were refused with a code. */
  readonly refused: number;
  /** Positions that the specification leaves unprotected, and the flips there that were accepted, by reason. */
  readonly unprotected: Partial<Record<Reason, { readonly positions: number; readonly accepted: number }>>;
  readonly findings: readonly Finding[];
  readonly slowestMs: number;
}

type Outcome = { readonly kind: "refused" | "accepted" } | { readonly kind: "fault"; readonly text: string };

/** Judges a case. Anything that comes out but a verdict or the package's coded error is a fault. */
function outcomeOf(subject: TestCase): Outcome {
  try {
    return { kind: codesOf(judgeCase(subject)).length > 0 ? "refused" : "accepted" };
  } catch (error) {
    return error instanceof EvidenceError ? { kind: "refused" } : { kind: "fault", text: String(error) };
  }
}

/** What is changed, and what may be left out. */
export interface FlipOptions {
  readonly masks?: readonly number[];
  /** Whether a part was looked at before. */
  readonly done?: (part: string) => boolean;
  /** What is changed; all that the case has where it is not given. */
  readonly parts?: (subject: TestCase) => readonly Part[];
  /** What may change; the table's where it is not given. */
  readonly unprotected?: (subject: TestCase, part: Part) => readonly Range[];
}

/** Changes every byte of every part of a good case, one at a time. */
export function* flipCase(
  id: string,
  subject: TestCase,
  { masks = MASKS, done = () => false, parts = partsOf, unprotected = unprotectedIn }: FlipOptions = {},
): Generator<FlippedPart> {
  const good = outcomeOf(subject);
  if (good.kind !== "accepted") throw new Error(`Flip bytes failed: got case ${id} ${good.kind}, wanted it accepted`);
  const read = rolesRead(subject);
  for (const part of parts(subject)) {
    if (done(part.name)) continue;
    const ranges = unprotected(subject, part);
    if (isLeftAside(ranges, part)) yield leftAside(id, subject, part, ranges, read);
    else yield flipPart(id, subject, part, ranges, masks);
  }
}

function flipPart(
  id: string,
  subject: TestCase,
  part: Part,
  ranges: readonly Range[],
  masks: readonly number[],
): FlippedPart {
  const reasons = reasonsByPosition(ranges);
  const tally = new Tally(reasons);
  const bytes = Uint8Array.from(part.bytes);
  for (let position = 0; position < bytes.length; position += 1) {
    const before = bytes[position] as number;
    for (const mask of masks) {
      bytes[position] = before ^ mask;
      const start = performance.now();
      const outcome = outcomeOf(part.changed(bytes));
      tally.add(position, mask, outcome, performance.now() - start);
    }
    bytes[position] = before;
  }
  return result(id, subject, part, bytes.length * masks.length, tally);
}

class Tally {
  refused = 0;
  slowestMs = 0;
  readonly findings: Finding[] = [];
  readonly unprotected: Partial<Record<Reason, { positions: number; accepted: number }>> = {};
  readonly #reasons: ReadonlyMap<number, Reason>;

  constructor(reasons: ReadonlyMap<number, Reason>) {
    this.#reasons = reasons;
    for (const reason of reasons.values()) this.#of(reason).positions += 1;
  }

  add(position: number, mask: number, outcome: Outcome, ms: number): void {
    this.slowestMs = Math.max(this.slowestMs, ms);
    const reason = this.#reasons.get(position);
    if (outcome.kind === "refused") this.refused += 1;
    else if (outcome.kind === "accepted" && reason !== undefined) this.#of(reason).accepted += 1;
    else this.findings.push({ position, mask, outcome: outcome.kind === "fault" ? outcome.text : outcome.kind });
  }

  #of(reason: Reason): { positions: number; accepted: number } {
    return (this.unprotected[reason] ??= { positions: 0, accepted: 0 });
  }
}

/** Reasons for which a whole file is not looked at, so that changing it can change nothing. */
const LEFT_ASIDE: ReadonlySet<Reason> = new Set<Reason>(["notRead", "sha1"]);

function isLeftAside(ranges: readonly Range[], { bytes }: Part): boolean {
  return ranges.some(({ start, end, reason }) => start === 0 && end === bytes.length && LEFT_ASIDE.has(reason));
}

/** @throws Error where the judge does read what the table says it leaves aside */
function leftAside(
  id: string,
  subject: TestCase,
  part: Part,
  ranges: readonly Range[],
  read: ReadonlySet<string>,
): FlippedPart {
  if (read.has(part.name)) throw new Error(`Flip bytes failed: got ${id} ${part.name} read, wanted it left aside`);
  return result(id, subject, part, 0, new Tally(reasonsByPosition(ranges)));
}

function rolesRead(subject: TestCase): Set<string> {
  const read = new Set<string>();
  class Recording extends EvidenceFiles {
    override get(role: string): Uint8Array {
      read.add(role);
      return super.get(role);
    }
  }
  judgeCase({ ...subject, files: new Recording(subject.contents) });
  return read;
}

function result(id: string, subject: TestCase, part: Part, flips: number, tally: Tally): FlippedPart {
  const { refused, unprotected, findings, slowestMs } = tally;
  const { kind } = subject.case;
  return {
    id,
    kind,
    part: part.name,
    positions: part.bytes.length,
    flips,
    refused,
    unprotected,
    findings,
    slowestMs,
  };
}
