import type { Exec } from "@constellation/exec";

/** Whose left-overs are looked for. */
export interface LeftOvers {
  /** Name of a mapping of the device-mapper. */
  readonly name: string;
  /** `major:minor` of devices over which nothing is formatted now: what formatting made over them for a moment goes. */
  readonly unformatted: readonly string[] | "any";
}

/** Over a device that gets integrity, luksFormat makes such a mapping for a moment. */
const TEMPORARY = "temporary-cryptsetup-";
/** What no name of a mapping has. */
const SEPARATOR = "/";
const MAX_SHOWN = 200;
const COLUMNS = ["name", "segments", "devnos_used"];

/** A mapping, as one of both tables that it may have tells of it. */
interface Row {
  readonly name: string;
  /** "0" without such a table. */
  readonly segments: string;
  readonly devices: readonly string[];
}

/**
 * Takes away what a cryptsetup that was killed in the midst of its work has left in the kernel: a mapping whose table is
 * not live; the device-mapper's integrity below a mapping that is not there; the mapping that luksFormat makes. Each keeps
 * the device in use, and cryptsetup neither opens over it nor closes it. What is complete stays. What somebody has open,
 * the kernel does not let go: then `exec` throws.
 */
export async function removeLeftOvers(
  exec: Exec,
  { name, unformatted }: LeftOvers,
  signal: AbortSignal,
): Promise<void> {
  const rows = await listMappings(exec, signal);
  if (rows.some((row) => row.name === name && row.segments !== "0")) return;
  const temporary = rows.filter((row) => row.name.startsWith(TEMPORARY));
  // Which device a table that is not live is over is told only where it is asked for.
  const all = temporary.length === 0 ? [] : [...temporary, ...(await listMappings(exec, signal, "--inactive"))];
  const isOver = (row: Row): boolean =>
    unformatted === "any" ||
    all.some(({ name: other, devices }) => other === row.name && devices.some((one) => unformatted.includes(one)));
  // The upper one first: its table keeps the lower one in use.
  const halves = [name, `${name}_dif`].filter((half) => rows.some((row) => row.name === half));
  for (const left of [...halves, ...temporary.filter(isOver).map((row) => row.name)]) {
    await exec({ program: "dmsetup", args: ["remove", "--retry", left] }, signal);
  }
}

/** All mappings of the machine, by their live tables or by the others. */
async function listMappings(exec: Exec, signal: AbortSignal, ...flags: readonly string[]): Promise<Row[]> {
  const args = ["info", ...flags, "--columns", "--noheadings", "--separator", SEPARATOR, "-o", COLUMNS.join(",")];
  // It also fails where a mapping of others goes meanwhile; what it has of ours is there all the same.
  const { exitCode, stdout, stderr } = await exec({ program: "dmsetup", args, acceptedExitCodes: [1] }, signal);
  const rows = stdout.split("\n").flatMap(rowOf);
  if (exitCode === 0 || rows.length > 0) return rows;
  throw new Error(`List mappings failed: got "${stderr.trim().slice(0, MAX_SHOWN)}" from dmsetup, wanted a list`);
}

/** A line of `dmsetup info`; none for what is no row, as where there are no mappings. */
function rowOf(line: string): readonly Row[] {
  const [name = "", segments, devices] = line.trim().split(SEPARATOR);
  return segments === undefined || devices === undefined ? [] : [{ name, segments, devices: devices.split(",") }];
}
