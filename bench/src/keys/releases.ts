import { randomUUID } from "node:crypto";
import type { KeyServiceClient } from "@constellation/key-client";
import type { Program } from "@constellation/testkit/program";
import { median, quantile, type Row } from "../row.ts";

/** One of the two that are asked: the key service, or the floor. */
export interface Side {
  readonly program: Pick<Program, "cpuMs">;
  client(token: string): Promise<KeyServiceClient>;
}

/** What one run of asking took. */
export interface Run {
  /** Time of each ask. */
  readonly timesMs: readonly number[];
  readonly elapsedMs: number;
  /** Processor time of who was asked. */
  readonly cpuMs: number;
}

/** Runs of both sides, made in turns. */
export interface Turns {
  readonly service: readonly Run[];
  readonly floor: readonly Run[];
}

const KEY_BYTES = 32;

/** Opens clients for these tokens, each of which has connected and is known afterwards: it has asked once. */
export async function openClients(side: Side, tokens: readonly string[]): Promise<KeyServiceClient[]> {
  const clients = await Promise.all(tokens.map((token) => side.client(token)));
  // One after the other: the key service bounds how many tokens it has reviewed at once.
  for (const client of clients) await ask(client);
  return clients;
}

/** Has each client ask so many times, one at a time, all clients at once. */
export async function run(side: Side, clients: readonly KeyServiceClient[], asks: number): Promise<Run> {
  const timesMs: number[] = [];
  const cpuBeforeMs = await side.program.cpuMs();
  const beganMs = performance.now();
  await Promise.all(
    clients.map(async (client) => {
      for (let count = 0; count < asks; count += 1) timesMs.push(await ask(client));
    }),
  );
  const elapsedMs = performance.now() - beganMs;
  return { timesMs, elapsedMs, cpuMs: (await side.program.cpuMs()) - cpuBeforeMs };
}

/** Rows of one way of asking: the service, the floor, and how they compare. */
export function rowsOf(how: string, { service, floor }: Turns): Row[] {
  const ratios = service.map((run, index) => perSecond([run]) / perSecond([floor[index] ?? run]));
  const [least, most] = [quantile(ratios, 0), quantile(ratios, 1)].map((ratio) => ratio.toFixed(2));
  return [
    { what: `key releases, ${how}`, figure: figureOf(service) },
    { what: "  floor: RPC over TLS with constant bytes", figure: figureOf(floor) },
    {
      what: "  ratio of releases per second to the floor's",
      figure: `${(perSecond(service) / perSecond(floor)).toFixed(2)} (median of rounds ${median(ratios).toFixed(2)}, least ${least}, most ${most})`,
    },
    {
      what: "  ratio of processor time for each to the floor's",
      figure: (cpuMsEach(service) / cpuMsEach(floor)).toFixed(2),
    },
  ];
}

function figureOf(runs: readonly Run[]): string {
  const timesMs = runs.flatMap((run) => run.timesMs);
  const at = (share: number): string => quantile(timesMs, share).toFixed(2);
  const cpu = `processor time ${cpuMsEach(runs).toFixed(2)} ms each`;
  return `${perSecond(runs).toFixed(0)} per second, min ${at(0)} ms, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms; ${cpu}`;
}

function perSecond(runs: readonly Run[]): number {
  return (count(runs) * 1000) / sum(runs, "elapsedMs");
}

function cpuMsEach(runs: readonly Run[]): number {
  return sum(runs, "cpuMs") / count(runs);
}

function count(runs: readonly Run[]): number {
  return runs.reduce((total, { timesMs }) => total + timesMs.length, 0);
}

function sum(runs: readonly Run[], field: "elapsedMs" | "cpuMs"): number {
  return runs.reduce((total, run) => total + run[field], 0);
}

/** Time of one ask for the key of a volume that nobody asked for before. */
async function ask(client: KeyServiceClient): Promise<number> {
  const keyId = `volume/${randomUUID()}`;
  const beganMs = performance.now();
  const { key } = await client.getDataKey({ keyId, lengthBytes: KEY_BYTES });
  const timeMs = performance.now() - beganMs;
  key.wipe();
  return timeMs;
}
