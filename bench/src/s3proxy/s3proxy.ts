import type { Agent } from "node:https";
import { randomBytes } from "node:crypto";
import { open } from "@constellation/s3proxy/testing/client";
import { startMinio } from "@constellation/s3proxy/testing/minio";
import { OWNER } from "@constellation/s3proxy/testing/proxy";
import { type SeparateProxy, startSeparateProxy } from "@constellation/s3proxy/testing/separate-proxy";
import { median, type Row } from "../row.ts";
import { type Link, openLink } from "./link.ts";

/** Requests of one kind: objects of a size, so many at a time, in so many rounds. */
interface Load {
  readonly name: string;
  readonly bytes: number;
  readonly together: number;
  readonly rounds: number;
}

const KIBIBYTE = 1_024;
const MEBIBYTE = KIBIBYTE * KIBIBYTE;

const WARM_UP: Load = { name: "256 KiB", bytes: 256 * KIBIBYTE, together: 1, rounds: 60 };

/** At a store on the same machine nothing bounds a request but the processor, which all programs share. */
const BESIDE: readonly Load[] = [
  { name: "4 KiB", bytes: 4 * KIBIBYTE, together: 1, rounds: 40 },
  { name: "64 KiB", bytes: 64 * KIBIBYTE, together: 1, rounds: 40 },
  { name: "1 MiB", bytes: MEBIBYTE, together: 1, rounds: 100 },
  { name: "16 MiB", bytes: 16 * MEBIBYTE, together: 1, rounds: 15 },
];

/** The network card of a small machine. A store that one program has to itself without any link is on the same machine. */
const RATE = "1gbit";
const OVER_LINK: readonly Load[] = [
  { name: "1 MiB", bytes: MEBIBYTE, together: 1, rounds: 100 },
  { name: "16 MiB", bytes: 16 * MEBIBYTE, together: 1, rounds: 15 },
  { name: "8 × 1 MiB", bytes: MEBIBYTE, together: 8, rounds: 20 },
  { name: "8 × 16 MiB", bytes: 16 * MEBIBYTE, together: 8, rounds: 5 },
];

const METHODS = ["PUT", "GET"] as const;

type Method = (typeof METHODS)[number];

/** The ways to the store: straight, through a program that only passes bytes on, through the proxy. */
const WAYS = ["direct", "forwarded", "through"] as const;

type Ways = Readonly<Record<(typeof WAYS)[number], Way>>;

/** One way to the store. */
interface Way {
  readonly endpoint: string;
  readonly agent: Agent;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** What a round of one method took by each way, in milliseconds. */
interface Times extends Record<(typeof WAYS)[number], number[]> {
  /** Processor time of the proxy for each round through it. */
  readonly cpu: number[];
}

/**
 * Objects of several sizes to MinIO, straight, through a forwarder (which passes all bytes on, and nothing else) and through our
 * proxy, in turns; TLS everywhere. First with the store on this machine, then with it behind a link of a bounded rate.
 */
export async function benchS3Proxy(): Promise<Row[]> {
  const beside = await benchLoads("", BESIDE);
  let link: Link;
  try {
    link = await openLink(RATE);
  } catch (error) {
    const why = (error as Error).message.split("\n").slice(0, 2).join(": ");
    return [...beside, { what: `by a link of ${RATE}`, figure: `not measured, it needs root and iproute2: ${why}` }];
  }
  try {
    return [...beside, ...(await benchLoads(` by a link of ${RATE}`, OVER_LINK, link))];
  } finally {
    await link.close();
  }
}

async function benchLoads(where: string, loads: readonly Load[], link?: Link): Promise<Row[]> {
  const started: { close(): Promise<void> }[] = [];
  const running = <T extends { close(): Promise<void> }>(program: T): T => {
    started.unshift(program);
    return program;
  };
  try {
    const minio = running(await startMinio({ tls: true, ...(link && { place: link.place }) }));
    const proxy = running(await startSeparateProxy(minio));
    const forwarder = running(await startSeparateProxy(minio, "forwarder"));
    const ways: Ways = {
      direct: { endpoint: minio.endpoint.origin, agent: proxy.agent, credentials: OWNER },
      forwarded: { endpoint: forwarder.endpoint, agent: forwarder.agent, credentials: OWNER },
      through: { endpoint: proxy.endpoint, agent: proxy.agent },
    };
    await transfer(ways.direct, "PUT", "/bench", Buffer.alloc(0));
    // Programs that just started are slow: each way gets warm first.
    await measure(WARM_UP, ways, proxy);
    const rows: Row[] = [];
    for (const load of loads) rows.push(...rowsOf(where, load, await measure(load, ways, proxy)));
    const rss = Math.round((await proxy.peakRssBytes()) / 1e6);
    return [...rows, { what: `peak resident memory of the proxy${where}`, figure: `${rss} MB` }];
  } finally {
    for (const program of started) await program.close();
  }
}

async function measure(
  { bytes, together, rounds }: Load,
  ways: Ways,
  proxy: SeparateProxy,
): Promise<Readonly<Record<Method, Times>>> {
  const body = randomBytes(bytes);
  const none = (): Times => ({ direct: [], forwarded: [], through: [], cpu: [] });
  const times = { PUT: none(), GET: none() };
  for (let round = 0; round < rounds; round += 1) {
    for (const method of METHODS) {
      for (const way of WAYS) {
        const before = await proxy.cpuMs();
        const began = performance.now();
        const one = (_: unknown, at: number) => transfer(ways[way], method, `/bench/${way}-${at}`, body);
        await Promise.all(Array.from({ length: together }, one));
        times[method][way].push(performance.now() - began);
        if (way === "through") times[method].cpu.push((await proxy.cpuMs()) - before);
      }
    }
  }
  return times;
}

function rowsOf(where: string, { name, bytes, together }: Load, times: Readonly<Record<Method, Times>>): Row[] {
  return METHODS.map((method) => {
    const { cpu } = times[method];
    const [direct, forwarded, through] = WAYS.map((way) => median(times[method][way])) as [number, number, number];
    const all = [direct, forwarded, through];
    const speeds = all.map((ms) => (((together * bytes) / MEBIBYTE / ms) * 1_000).toFixed(0)).join(", ");
    const speed = bytes < MEBIBYTE ? "" : `, ${speeds} MiB/s`;
    const medians = `medians ${all.map((ms) => ms.toFixed(1)).join(", ")} ms${speed}`;
    const ratios = `ratio ${(direct / through).toFixed(2)} of straight, ${(forwarded / through).toFixed(2)} of forwarded`;
    const figure = `${medians}; ${ratios}; processor time of the proxy ${median(cpu).toFixed(1)} ms`;
    return { what: `${method} ${name}${where}, straight, forwarded and by the proxy`, figure };
  });
}

/** One request, to the last byte of its answer. */
async function transfer(way: Way, method: Method, path: string, body: Buffer): Promise<void> {
  const sent = method === "PUT" ? { body, payload: "UNSIGNED-PAYLOAD" } : {};
  const response = await open(way.endpoint, path, { method, ...sent, ...way });
  let bytes = 0;
  for await (const piece of response) bytes += (piece as Buffer).length;
  if (response.statusCode !== 200 || (method === "GET" && bytes !== body.length)) {
    throw new Error(`Transfer failed: got status ${response.statusCode} and ${bytes} bytes`);
  }
}
