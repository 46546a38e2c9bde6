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

/** One way to the store: straight, or through the proxy. */
interface Way {
  readonly endpoint: string;
  readonly agent: Agent;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** What one way of one method took. */
interface Times {
  readonly direct: number[];
  readonly through: number[];
  /** Processor time of the proxy for each request through it. */
  readonly cpu: number[];
}

/** Objects of several sizes to MinIO, straight and through the proxy, in turns, one at a time; TLS everywhere. */
export async function benchS3Proxy(): Promise<Row[]> {
  const minio = await startMinio({ tls: true });
  const proxy = await startSeparateProxy(minio);
  const direct = { endpoint: minio.endpoint.origin, agent: proxy.agent, credentials: OWNER };
  const through = { endpoint: proxy.endpoint, agent: proxy.agent };
  try {
    await transfer(direct, "PUT", "/bench", Buffer.alloc(0));
    // Programs that just started are slow: each way gets warm first.
    await measure(WARM_UP_BYTES, WARM_UP_RUNS, direct, through, proxy);
    const rows: Row[] = [];
    for (const [name, bytes, runs] of SIZES) {
      rows.push(...rowsOf(name, bytes, await measure(bytes, runs, direct, through, proxy)));
    }
    const rss = Math.round((await proxy.peakRssBytes()) / 1e6);
    return [...rows, { what: "peak resident memory of the proxy", figure: `${rss} MB` }];
  } finally {
    await proxy.close();
    await minio.close();
  }
}

async function measure(
  bytes: number,
  runs: number,
  direct: Way,
  through: Way,
  proxy: SeparateProxy,
): Promise<Readonly<Record<Method, Times>>> {
  const body = randomBytes(bytes);
  const times = {
    PUT: { direct: [] as number[], through: [] as number[], cpu: [] as number[] },
    GET: { direct: [] as number[], through: [] as number[], cpu: [] as number[] },
  };
  for (let run = 0; run < runs; run += 1) {
    for (const method of METHODS) {
      times[method].direct.push(await transfer(direct, method, "/bench/direct", body));
      const before = await proxy.cpuMs();
      times[method].through.push(await transfer(through, method, "/bench/through", body));
      times[method].cpu.push((await proxy.cpuMs()) - before);
    }
  }
  return times;
}

function rowsOf(name: string, bytes: number, times: Readonly<Record<Method, Times>>): Row[] {
  return METHODS.map((method) => {
    const { direct, through, cpu } = times[method];
    const [there, here] = [median(direct), median(through)];
    const rate = (ms: number): string => (bytes / 1_048.576 / ms).toFixed(0);
    const speed = bytes < 1_048_576 ? "" : `, ${rate(there)} and ${rate(here)} MiB/s`;
    const medians = `${there.toFixed(1)} and ${here.toFixed(1)} ms${speed}, ratio ${(there / here).toFixed(2)}`;
    const [least, most] = [Math.min(...direct), Math.min(...through)];
    const quickest = `quickest ${least.toFixed(1)} and ${most.toFixed(1)} ms, ratio ${(least / most).toFixed(2)}`;
    const figure = `medians ${medians}; ${quickest}; processor time of the proxy ${median(cpu).toFixed(1)} ms`;
    return { what: `${method} ${name}, straight and by the proxy`, figure };
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
