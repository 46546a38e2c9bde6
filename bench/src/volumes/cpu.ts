import type { Cpu } from "./report.ts";

/** Reads the first processor of /proc/cpuinfo. */
export function parseCpuInfo(text: string): Cpu {
  const model = /^model name\s*: (.*)$/m.exec(text)?.[1];
  const flags = /^flags\s*: (.*)$/m.exec(text)?.[1];
  if (model !== undefined && flags !== undefined) return { model: model.trim(), aes: flags.split(" ").includes("aes") };
  throw new Error('Read processor failed: got no "model name" or no "flags" in /proc/cpuinfo, wanted both');
}

/** The driver of the highest priority for each cipher of /proc/crypto that disks are encrypted by. */
export function parseCrypto(text: string): Record<string, string> {
  const drivers: Record<string, string> = {};
  const priorities = new Map<string, number>();
  for (const entry of text.split(/\n\s*\n/)) {
    const fields = new Map(entry.split("\n").map((line) => [line.split(":")[0]?.trim(), line.split(": ")[1]?.trim()]));
    const [name = "", driver = "", priority] = ["name", "driver", "priority"].map((field) => fields.get(field));
    if (!/^(xts\(aes\)|authenc\(hmac\(sha256\),xts\(aes\)\))$/.test(name)) continue;
    if (Number(priority) <= (priorities.get(name) ?? -1)) continue;
    priorities.set(name, Number(priority));
    drivers[name] = driver;
  }
  return drivers;
}

/** What of the machine has to be known with each figure; empty where there is nothing to say. */
export function cpuNote({ model, aes }: Cpu): string {
  const notes = [...(/\bTCG\b/.test(model) ? ["emulated machine"] : []), ...(aes ? [] : ["no AES instructions"])];
  return notes.length === 0 ? "" : ` (${notes.join(", ")})`;
}
