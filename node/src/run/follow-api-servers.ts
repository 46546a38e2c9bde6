import type { KubeClient } from "@constellation/kube";
import { describeError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import type { Member, Platform } from "../machine/node.ts";
import { type NodeOptions, PATHS } from "../options.ts";
import { writeNodeState } from "../state/node-state.ts";
import type { ApiProxy, Endpoint } from "./api-proxy.ts";

const INTERVAL_MS = 60_000;

export interface FollowOptions {
  client: Pick<KubeClient, "getEndpointSlice">;
  apiProxy: Pick<ApiProxy, "setEndpoints">;
  platform: Pick<Platform, "address">;
  member: Member;
  options: NodeOptions;
}

/** Keeps the local endpoint's list of API servers, and its copy on the disk for the next boot, as the cluster has it. */
export async function followApiServers(
  { client, apiProxy, platform, member, options }: FollowOptions,
  log: Log,
  delay: (ms: number, value: undefined, options: { signal: AbortSignal }) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let known = member.state.apiServerEndpoints.join(",");
  while (!signal.aborted) {
    try {
      const slice = await client.getEndpointSlice("default", "kubernetes", signal);
      const servers = serversOf(slice);
      const text = servers.map(({ host, port }) => `${host}:${port}`);
      if (servers.length > 0 && text.join(",") !== known) {
        known = text.join(",");
        apiProxy.setEndpoints(localFirst(servers, platform.address));
        member.state.apiServerEndpoints = text;
        await writeNodeState(options.root + PATHS.nodeState, member.state);
        log.info("API servers changed", { servers: text });
      }
    } catch (error) {
      log.debug("API servers not known", { error: describeError(error) });
    }
    await delay(INTERVAL_MS, undefined, { signal }).catch(() => undefined);
  }
}

function serversOf(slice: Awaited<ReturnType<KubeClient["getEndpointSlice"]>>): Endpoint[] {
  const port = slice.ports?.find(({ name }) => name === "https")?.port ?? 6443;
  const addresses = (slice.endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap((endpoint) => endpoint.addresses);
  return [...new Set(addresses)].sort().map((host) => ({ host, port }));
}

/** The node's own API server first: it is the nearest, and its etcd member has the same data. */
export function localFirst(servers: readonly Endpoint[], address: string): Endpoint[] {
  return [...servers].sort((a, b) => Number(b.host === address) - Number(a.host === address));
}
