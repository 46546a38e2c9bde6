import { resolve } from "node:path";
import type { Row } from "../row.ts";
import { CHECKS } from "./checks.ts";
import { type Inputs, type Kind, readInputs } from "./inputs.ts";
import { buildPeers } from "./peers.ts";
import { Side } from "./side.ts";
import { rowsOf, type Samples } from "./summary.ts";

/** Peers of each kind. */
const PEERS: Readonly<Record<Kind, readonly string[]>> = {
  "sev-snp": ["go-sev-guest"],
  tdx: ["go-tdx-guest", "@phala/dcap-qvl"],
  tpm: ["go-attestation", "go-tpm-tools"],
};
/** What the evidence can't do without. */
const FLOORS = ["node:crypto", "node:crypto with keys"] as const;
/** Sides that run in Node.js; the others are in the Go program. */
const IN_NODE: ReadonlySet<string> = new Set(["ours", ...FLOORS, "@phala/dcap-qvl"]);
const WORKER = resolve(import.meta.dirname, "worker.ts");

const WARM_UP = 2000;
const ROUNDS = 40;
const PER_ROUND = 25;

/**
 * Verifications of evidence by us, by peers and the bare signature checks among them: the same real evidence, offline,
 * one core, every certificate parsed and verified each time but the pinned roots, which each side reads once, as services
 * do. The sides take turns, so that noise hits all alike.
 */
export async function benchEvidence(): Promise<Row[]> {
  for (const [name, checks] of Object.entries(CHECKS)) console.error(`${name}: ${checks}`);
  const goPeers = await buildPeers();
  const rows: Row[] = [];
  for (const [kind, peers] of Object.entries(PEERS) as [Kind, readonly string[]][]) {
    const inputs = readInputs(kind);
    const names = ["ours", ...peers, ...FLOORS];
    rows.push({ what: `evidence ${inputs.id}`, figure: "" }, ...rowsOf(await measure(names, inputs, goPeers)));
  }
  return rows;
}

async function measure(names: readonly string[], inputs: Inputs, goPeers: string): Promise<Samples[]> {
  const sides = names.map((name) => new Side(name, commandOf(name, goPeers), inputs));
  try {
    for (const side of sides) await side.verify(WARM_UP);
    const samples: Samples[] = sides.map(({ name }) => ({ name, rounds: [] }));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [index, side] of sides.entries()) samples[index]?.rounds.push(await side.verify(PER_ROUND));
    }
    return samples;
  } finally {
    await Promise.all(sides.map((side) => side.close()));
  }
}

function commandOf(name: string, goPeers: string): [string, ...string[]] {
  return IN_NODE.has(name) ? [process.execPath, "--expose-gc", WORKER, name] : [goPeers, name];
}
