import { median, type Row } from "../row.ts";
import { cpuNote } from "./cpu.ts";
import { type FirstUse, KINDS, type Kind, type Report, type Transfers, type TransferSizes } from "./report.ts";

const CLASSES: Readonly<Record<Kind, string>> = {
  plain: "plain loop device",
  encrypted: "encrypted-rwo",
  integrity: "integrity-encrypted-rwo",
};
/** Shares of the time that are worth a word. */
const SHOWN_MS = 50;

/** What is printed of a report. */
export function rowsOf({ cpu, drivers, firstUses, sizes, transfers }: Report): Row[] {
  const note = cpuNote(cpu);
  const ciphers = Object.entries(drivers).map(([name, driver]) => `${name} by ${driver}`);
  const processor = `${cpu.model}, ${cpu.aes ? "with" : "without"} AES instructions`;
  return [
    { what: "volumes: processor of the machine", figure: [processor, ...ciphers].join("; ") },
    ...firstUses.map((firstUse) => firstUseRow(firstUse, firstUses, note)),
    ...transferRows(transfers, sizes, note),
  ];
}

function firstUseRow(firstUse: FirstUse, all: readonly FirstUse[], note: string): Row {
  const { kind, gibibytes, rounds } = firstUse;
  const steps = kind === "plain" ? "mkfs.ext4, mount" : "LUKS2 format, open, mkfs.ext4, mount";
  const totalMs = middle(firstUse);
  const timesOf = (name: string, other: FirstUse | undefined): string =>
    other === undefined || other === firstUse ? "" : `, ${(totalMs / middle(other)).toFixed(2)} times ${name}`;
  const plain = all.find((other) => other.kind === "plain" && other.gibibytes === gibibytes);
  const small = all.find((other) => other.kind === kind && other.gibibytes === 1);
  const ratio = `${timesOf("plain", plain)}${timesOf("1 GiB", small)}`;
  const named = [...new Set(rounds.flatMap(({ partsMs }) => Object.keys(partsMs)))];
  const parts = named
    .map((name) => ({ name, ms: median(rounds.map(({ partsMs }) => partsMs[name] ?? 0)) }))
    .filter(({ ms }) => ms >= SHOWN_MS)
    .map(({ name, ms }) => `${name} ${seconds(ms)}`);
  const times = rounds.map((round) => round.totalMs);
  const spread = `median of ${rounds.length}, ${seconds(Math.min(...times))} to ${seconds(Math.max(...times))}`;
  return {
    what: `first use of ${gibibytes} GiB, ${CLASSES[kind]}: ${steps}${note}`,
    figure: `${seconds(totalMs)}${ratio} (${spread}${parts.length === 0 ? "" : `; ${parts.join(", ")}`})`,
  };
}

function transferRows(transfers: Report["transfers"], sizes: TransferSizes, note: string): Row[] {
  const { sequentialBytes, blockBytes, randomReads, randomReadBytes } = sizes;
  const inRow = `${sequentialBytes / 2 ** 20} MiB in blocks of ${blockBytes / 2 ** 20} MiB`;
  const anywhere = `${randomReads} random reads of ${randomReadBytes / 1024} KiB`;
  const moves: readonly { readonly what: string; readonly field: keyof Transfers; readonly bytes: number }[] = [
    { what: `write ${inRow}`, field: "writeMs", bytes: sequentialBytes },
    { what: `read ${inRow}`, field: "readMs", bytes: sequentialBytes },
    { what: anywhere, field: "randomReadMs", bytes: randomReads * randomReadBytes },
  ];
  return moves.flatMap(({ what, field, bytes }) =>
    KINDS.map((kind) => {
      const ms = median(transfers[kind][field]);
      const ratio = kind === "plain" ? "" : `, ratio to plain ${(median(transfers.plain[field]) / ms).toFixed(3)}`;
      const each = field === "randomReadMs" ? `, ${((randomReads * 1000) / ms).toFixed(0)} per second` : "";
      return {
        what: `${what}, direct, ${CLASSES[kind]}${note}`,
        figure: `${(bytes / 1000 / ms).toFixed(1)} MB/s${each}${ratio}`,
      };
    }),
  );
}

function middle({ rounds }: FirstUse): number {
  return median(rounds.map(({ totalMs }) => totalMs));
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
