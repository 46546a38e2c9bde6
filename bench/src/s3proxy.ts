import { Agent } from "node:https";
import { randomBytes } from "node:crypto";
import { open } from "@constellation/s3proxy/testing/client";
import { startMinio } from "@constellation/s3proxy/testing/minio";
import { OWNER } from "@constellation/s3proxy/testing/proxy";
import { startSeparateProxy } from "@constellation/s3proxy/testing/separate-proxy";
import { median, type Row } from "./row.ts";

const KIBIBYTE = 1_024;
const SIZES: readonly (readonly [string, number, number])[] = [
  ["4 KiB", 4 * KIBIBYTE, 40],
  ["64 KiB", 64 * KIBIBYTE, 40],
  ["1 MiB", KIBIBYTE * KIBIBYTE, 30],
  ["16 MiB", 16 * KIBIBYTE * KIBIBYTE, 8],
];

/** One way to the store: straight, or through the proxy. */
interface Way {
  readonly endpoint: string;
  readonly agent: Agent;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Objects of several sizes to MinIO, straight and through the proxy, in turns, one at a time; TLS everywhere. */
export async function benchS3Proxy(): Promise<Row[]> {
  const minio = await startMinio({ tls: true });
  const proxy = await startSeparateProxy(minio);
  const direct = { endpoint: minio.endpoint.origin, agent: proxy.agent, credentials: OWNER };
  const through = { endpoint: proxy.endpoint, agent: proxy.agent };
  try {
    await transfer(direct, "PUT", "/bench", Buffer.alloc(0));
    const rows: Row[] = [];
    for (const [name, bytes, runs] of SIZES) {
      const before = await proxy.cpuMs();
      rows.push(...(await benchSize(name, bytes, runs, direct, through)));
      const perRequest = ((await proxy.cpuMs()) - before) / (2 * runs);
      rows.push({ what: `processor time of the proxy, ${name}`, figure: `${perRequest.toFixed(1)} ms per request` });
    }
    const rss = Math.round((await proxy.peakRssBytes()) / 1e6);
    return [...rows, { what: "peak resident memory of the proxy", figure: `${rss} MB` }];
  } finally {
    await proxy.close();
    await minio.close();
  }
}

async function benchSize(name: string, bytes: number, runs: number, direct: Way, through: Way): Promise<Row[]> {
  const body = randomBytes(bytes);
  const times = {
    PUT: { direct: [] as number[], through: [] as number[] },
    GET: { direct: [] as number[], through: [] as number[] },
  };
  for (let run = 0; run < runs; run += 1) {
    for (const method of ["PUT", "GET"] as const) {
      times[method].direct.push(await transfer(direct, method, "/bench/direct", body));
      times[method].through.push(await transfer(through, method, "/bench/through", body));
    }
  }
  return (["PUT", "GET"] as const).map((method) => {
    const sides = times[method];
    const [there, here] = [Math.min(...sides.direct), Math.min(...sides.through)];
    const medians = `${median(sides.direct).toFixed(1)} and ${median(sides.through).toFixed(1)} ms`;
    const rate = (ms: number): string => (bytes / 1_048.576 / ms).toFixed(0);
    const speed = bytes < 1_048_576 ? "" : `, ${rate(there)} and ${rate(here)} MiB/s`;
    const figure = `quickest ${there.toFixed(1)} and ${here.toFixed(1)} ms${speed}, medians ${medians}, ratio ${(there / here).toFixed(2)}`;
    return { what: `${method} ${name}, straight and by the proxy`, figure };
  });
}

/** Time of one request to the last byte of its answer. */
async function transfer(way: Way, method: "PUT" | "GET", path: string, body: Buffer): Promise<number> {
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
