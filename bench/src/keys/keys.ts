import { RELEASES, TOKEN_AUDIENCE } from "@constellation/key-service";
import { startSeparateKeyService } from "@constellation/key-service/testing/separate-key-service";
import { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import type { Row } from "../row.ts";
import { startFloor } from "./floor.ts";
import { openClients, type Run, rowsOf, run, type Side, type Turns } from "./releases.ts";

/** The key service lets the pod of a node have so many keys at once, and it then has to wait: none here comes so far. */
const ASKS_EACH = RELEASES.burst - 20;
const PODS = { warmUp: 4, sequence: 8, atOnce: 16 } as const;
const ROUNDS_AT_ONCE = 6;

/**
 * Releases of volume keys by the key service's program before a real API server and etcd, to pods of csi by their projected
 * tokens; beside an RPC server that does nothing, in turns.
 */
export async function benchKeys(): Promise<Row[]> {
  const api = await KubeApiserver.start();
  try {
    await api.createServiceAccount("kube-system", "csi");
    const service = await startSeparateKeyService(api);
    try {
      const floor = await startFloor(service.pkiDirectory);
      try {
        const rows = await measure(api, { service, floor });
        const refused = (await service.audit()).filter(({ outcome }) => outcome !== "granted");
        if (refused.length > 0) throw new Error(`Measure releases failed: got ${refused.length} refused, wanted none`);
        return rows;
      } finally {
        await floor.close();
      }
    } finally {
      await service.close();
    }
  } finally {
    await api.stop();
  }
}

interface Sides {
  readonly service: Side;
  readonly floor: Side;
}

async function measure(api: KubeApiserver, sides: Sides): Promise<Row[]> {
  // Programs that just started are slow: each gets warm first.
  await inSequence(sides, await podTokens(api, "warm-up", PODS.warmUp));
  const sequence = await inSequence(sides, await podTokens(api, "sequence", PODS.sequence));
  const atOnce = await allAtOnce(sides, await podTokens(api, "at-once", PODS.atOnce));
  const bound = `${RELEASES.perSecond} a second after ${RELEASES.burst} at once, for each caller on each node`;
  return [
    ...rowsOf("one client in sequence", sequence),
    ...rowsOf(`${PODS.atOnce} clients at once`, atOnce),
    { what: "bound of the service, not reached: pods of many nodes ask", figure: bound },
  ];
}

/** One client at a time; after as many asks as a node may make, one of another node. */
async function inSequence(sides: Sides, tokens: readonly string[]): Promise<Turns> {
  const runs = { service: [] as Run[], floor: [] as Run[] };
  for (const token of tokens) {
    for (const name of ["service", "floor"] as const) {
      const clients = await openClients(sides[name], [token]);
      runs[name].push(await run(sides[name], clients, ASKS_EACH));
      for (const client of clients) await client.close();
    }
  }
  return runs;
}

/** One client of each node, all at once. */
async function allAtOnce(sides: Sides, tokens: readonly string[]): Promise<Turns> {
  const clients = {
    service: await openClients(sides.service, tokens),
    floor: await openClients(sides.floor, tokens),
  };
  const runs = { service: [] as Run[], floor: [] as Run[] };
  for (let round = 0; round < ROUNDS_AT_ONCE; round += 1) {
    for (const name of ["service", "floor"] as const) {
      runs[name].push(await run(sides[name], clients[name], ASKS_EACH / ROUNDS_AT_ONCE));
    }
  }
  for (const client of [...clients.service, ...clients.floor]) await client.close();
  return runs;
}

/** Tokens of csi's pods on nodes of their own. */
async function podTokens(api: KubeApiserver, what: string, count: number): Promise<string[]> {
  const tokens: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const node = `${what}-${index}`;
    await api.create("/api/v1/nodes", { apiVersion: "v1", kind: "Node", metadata: { name: node } });
    const pod = { name: `csi-${node}`, node, audience: TOKEN_AUDIENCE };
    tokens.push(await api.createPodToken("kube-system", "csi", pod));
  }
  return tokens;
}
