import { Agent } from "node:https";
import { randomBytes } from "node:crypto";
import { open } from "@constellation/s3proxy/testing/client";
import { startMinio } from "@constellation/s3proxy/testing/minio";
import { OWNER } from "@constellation/s3proxy/testing/proxy";
import { type SeparateProxy, startSeparateProxy } from "@constellation/s3proxy/testing/separate-proxy";
import { median, type Row } from "./row.ts";

const KIBIBYTE = 1_024;
const SIZES: readonly (readonly [string, number, number])[] = [
  ["4 KiB", 4 * KIBIBYTE, 40],
  ["64 KiB", 64 * KIBIBYTE, 40],
  ["1 MiB", KIBIBYTE * KIBIBYTE, 60],
  ["16 MiB", 16 * KIBIBYTE * KIBIBYTE, 15],
];

const WARM_UP_BYTES = 262_144;
const WARM_UP_RUNS = 60;
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

/** What one method took by each way, in milliseconds. */
interface Times extends Record<(typeof WAYS)[number], number[]> {
  /** Processor time of the proxy for each request through it. */
  readonly cpu: number[];
}

/**
 * Objects of several sizes to MinIO, straight, through a forwarder (which passes all bytes on, and nothing else) and through our
 * proxy, in turns, one at a time; TLS everywhere.
 */
export async function benchS3Proxy(): Promise<Row[]> {
  const minio = await startMinio({ tls: true });
  const [proxy, forwarder] = await Promise.all([startSeparateProxy(minio), startSeparateProxy(minio, "forwarder")]);
  const ways: Ways = {
    direct: { endpoint: minio.endpoint.origin, agent: proxy.agent, credentials: OWNER },
    forwarded: { endpoint: forwarder.endpoint, agent: forwarder.agent, credentials: OWNER },
    through: { endpoint: proxy.endpoint, agent: proxy.agent },
  };
  try {
    await transfer(ways.direct, "PUT", "/bench", Buffer.alloc(0));
    // Programs that just started are slow: each way gets warm first.
    await measure(WARM_UP_BYTES, WARM_UP_RUNS, ways, proxy);
    const rows: Row[] = [];
    for (const [name, bytes, runs] of SIZES) rows.push(...rowsOf(name, bytes, await measure(bytes, runs, ways, proxy)));
    const rss = Math.round((await proxy.peakRssBytes()) / 1e6);
    return [...rows, { what: "peak resident memory of the proxy", figure: `${rss} MB` }];
  } finally {
    await proxy.close();
    await forwarder.close();
    await minio.close();
  }
}

async function measure(
  bytes: number,
  runs: number,
  ways: Ways,
  proxy: SeparateProxy,
): Promise<Readonly<Record<Method, Times>>> {
  const body = randomBytes(bytes);
  const none = (): Times => ({ direct: [], forwarded: [], through: [], cpu: [] });
  const times = { PUT: none(), GET: none() };
  for (let run = 0; run < runs; run += 1) {
    for (const method of METHODS) {
      for (const way of WAYS) {
        const before = await proxy.cpuMs();
        times[method][way].push(await transfer(ways[way], method, `/bench/${way}`, body));
        if (way === "through") times[method].cpu.push((await proxy.cpuMs()) - before);
      }
    }
  }
  return times;
}

function rowsOf(name: string, bytes: number, times: Readonly<Record<Method, Times>>): Row[] {
  return METHODS.map((method) => {
    const { cpu } = times[method];
    const [direct, forwarded, through] = WAYS.map((way) => median(times[method][way])) as [number, number, number];
    const all = [direct, forwarded, through];
    const speeds = all.map((ms) => ((bytes / 1_048_576 / ms) * 1_000).toFixed(0)).join(", ");
    const speed = bytes < 1_048_576 ? "" : `, ${speeds} MiB/s`;
    const medians = `medians ${all.map((ms) => ms.toFixed(1)).join(", ")} ms${speed}`;
    const ratios = `ratio ${(direct / through).toFixed(2)} of straight, ${(forwarded / through).toFixed(2)} of forwarded`;
    const figure = `${medians}; ${ratios}; processor time of the proxy ${median(cpu).toFixed(1)} ms`;
    return { what: `${method} ${name}, straight, forwarded and by the proxy`, figure };
  });
}

/** Time of one request to the last byte of its answer. */
async function transfer(way: Way, method: Method, path: string, body: Buffer): Promise<number> {
  const started = performance.now();
  const sent = method === "PUT" ? { body, payload: "UNSIGNED-PAYLOAD" } : {};
  const response = await open(way.endpoint, path, { method, ...sent, ...way });
  let bytes = 0;
  for await (const piece of response) bytes += (piece as Buffer).length;
  if (response.statusCode !== 200 || (method === "GET" && bytes !== body.length)) {
    throw new Error(`Transfer failed: got status ${response.statusCode} and ${bytes} bytes`);
  }
  return performance.now() - started;
}
