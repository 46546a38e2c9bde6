import type { FlippedPart } from "./flip.ts";
import { type Reason, REASONS } from "./range.ts";

interface Sum {
  cases: Set<string>;
  positions: number;
  flips: number;
  refused: number;
  unprotected: number;
  accepted: number;
  findings: number;
}

/** A line for each kind of evidence, one for each reason that bytes are unprotected, and each finding. */
export function tableOf(parts: readonly FlippedPart[]): string {
  const header = ["kind", "cases", "positions", "flips", "refused", "unprotected", "accepted there", "findings"];
  const kinds = [...new Set(parts.map(({ kind }) => kind))].sort();
  const rows = kinds.map((kind) => rowOf(kind, sum(parts.filter((part) => part.kind === kind))));
  const findings = parts.flatMap(({ id, part, findings: found }) =>
    found.map(
      ({ position, mask, outcome }) => `FINDING ${id} ${part}[${position}] ^ 0x${mask.toString(16)}: ${outcome}`,
    ),
  );
  const total = rowOf("total", sum(parts));
  return [...aligned([header, ...rows, total]), "", ...reasonLines(parts), "", ...findings].join("\n").trimEnd();
}

function rowOf(name: string, total: Sum): string[] {
  const { cases, positions, flips, refused, unprotected, accepted, findings } = total;
  return [name, ...[cases.size, positions, flips, refused, unprotected, accepted, findings].map(String)];
}

function sum(parts: readonly FlippedPart[]): Sum {
  const total: Sum = {
    cases: new Set(),
    positions: 0,
    flips: 0,
    refused: 0,
    unprotected: 0,
    accepted: 0,
    findings: 0,
  };
  for (const part of parts) {
    total.cases.add(part.id);
    total.positions += part.positions;
    total.flips += part.flips;
    total.refused += part.refused;
    total.findings += part.findings.length;
    for (const { positions, accepted } of Object.values(part.unprotected)) {
      total.unprotected += positions;
      total.accepted += accepted;
    }
  }
  return total;
}

function reasonLines(parts: readonly FlippedPart[]): string[] {
  const rows = (Object.keys(REASONS) as Reason[]).flatMap((reason) => {
    const counts = parts.flatMap(({ unprotected }) => unprotected[reason] ?? []);
    const positions = counts.reduce((total, count) => total + count.positions, 0);
    const accepted = counts.reduce((total, count) => total + count.accepted, 0);
    return positions === 0 ? [] : [[reason, `${positions}`, `${accepted}`, REASONS[reason]]];
  });
  return aligned([["unprotected because", "positions", "flips accepted", "reason"], ...rows]);
}

function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        /^\d+$/.test(cell) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}
