import { adminKubeconfig } from "../init/admin-kubeconfig.ts";
import { recallInit } from "../init/recall.ts";
import { InitRun } from "../init/run.ts";
import { fromHex } from "@constellation/bytes";
import { describeError } from "../errors.ts";
import { faultPoint } from "../fault.ts";
import { joinControlPlane } from "../join/join-control-plane.ts";
import { writePolicies } from "../kubernetes/control-plane-files.ts";
import { readManifests } from "../kubernetes/manifests.ts";
import { writeKubeletConfig } from "../kubernetes/kubelet-files.ts";
import { PATHS } from "../options.ts";
import { keepSealed } from "../recovery/keep-sealed.ts";
import { hasRecord } from "../recovery/record-file.ts";
import { retry } from "../retry.ts";
import { parseEndpoint } from "../run/api-proxy.ts";
import { writeNodeState } from "../state/node-state.ts";
import type { Step } from "./machine.ts";
import type { Dependencies, Member, Platform } from "./node.ts";

/**
 * Everything after the commit, in steps that can each be repeated: after a crash, after a reboot, and on a node that
 * was finished long ago. Needs nothing from outside but the cluster.
 */
export const finishStep: Step<"finish"> = async ({ platform, member }, dependencies, signal) => {
  const { apiProxy, console, options, services, systemd } = dependencies;
  const { state } = member;
  const run = member.initRun ?? new InitRun();
  const hasKms = await hasRecord(options.root);
  services.setInitHandler(recallInit({ state, run, diskGeneration: member.diskGeneration, hasKms }));
  if (state.role === "control-plane") await services.openInitDoor(platform);

  await dependencies.setHostname(state.name);
  apiProxy.setEndpoints(apiServers(member, platform, options.ports.apiServer));
  if (state.role === "control-plane") await prepareControlPlane(member, dependencies);
  await writeKubeletConfig({
    ...state,
    root: options.root,
    address: platform.address,
    apiProxyPort: options.ports.apiProxy,
  });
  await member.runtime;
  await systemd.start("kubelet.service", signal);
  faultPoint("join.after-kubelet");
  console(`member of cluster ${state.clusterId.slice(0, 16)}... as ${state.name} (${state.role})`);

  if (state.role === "control-plane") {
    // A node whose record can't be sealed works, and needs another control plane at its next boot.
    await keepSealed(platform, dependencies, signal).catch((error: unknown) => {
      dependencies.log.error("recovery record not sealed", error);
      console(`self-recovery: not sealed: ${describeError(error)}`);
    });
  }
  if (!state.finished) await completeAdmission(member, platform, dependencies, signal);
  if (state.origin === "init") {
    // In the background: a member without a quorum of etcd has work to do, too.
    announce(member, run, dependencies, signal).catch((error: unknown) => {
      if (!signal.aborted) dependencies.log.error("init not announced", error);
    });
  }
  return { kind: "run", platform, member };
};

/** What must be there before the kubelet starts the API server: its files, and the plugin that it encrypts with. */
async function prepareControlPlane({ state }: Member, dependencies: Dependencies): Promise<void> {
  const { etcdKeys, services, options, log, console } = dependencies;
  await writePolicies(options.root, state.timingProfile);
  await etcdKeys.load();
  if (etcdKeys.ring.held.length === 0) {
    log.warn("no keys for secrets in etcd in this boot; asking the key service for them");
    console("keys for secrets in etcd: none here, the key service must give them");
  }
  await services.openKms(etcdKeys.ring);
}

async function completeAdmission(
  { state, initRun }: Member,
  platform: Platform,
  dependencies: Dependencies,
  signal: AbortSignal,
): Promise<void> {
  const { options, cluster, console, log } = dependencies;
  const onFailure = (error: unknown): void => log.error("finishing step failed, trying again", error);
  if (state.origin === "init") {
    const text = "Applying the measured manifests";
    console(`init: ${text}`);
    initRun?.emit({ kind: "progress", step: "manifests", text });
    const manifests = await readManifests(options.manifestsDirectory, state);
    const apply = (): Promise<void> => cluster.apply(manifests, signal);
    await retry("the manifests to be applied", apply, { signal, firstDelayMs: 1000, maxDelayMs: 10_000, onFailure });
    faultPoint("init.after-manifests");
  } else if (state.role === "control-plane") {
    console("join: adding this node to the control plane");
    const join = (): Promise<void> => joinControlPlane(state, platform, dependencies, signal);
    await retry("the control plane to be joined", join, { signal, firstDelayMs: 1000, maxDelayMs: 10_000, onFailure });
    faultPoint("join.after-control-plane");
  }
  state.finished = true;
  await writeNodeState(options.root + PATHS.nodeState, state);
}

/** Ends the run with success, for the caller that is still there or comes back. */
async function announce(
  { state }: Member,
  run: InitRun,
  { options, cluster, console }: Dependencies,
  signal: AbortSignal,
): Promise<void> {
  // Roles are among the last things that a new API server gets ready: before that, the administrator may do nothing.
  const requireReady = (): Promise<void> => cluster.requireReady(signal);
  await retry("the API server to be ready", requireReady, { signal, firstDelayMs: 500, maxDelayMs: 5000 });
  const endpoint = state.clusterEndpoint ?? "127.0.0.1";
  const kubeconfig = await adminKubeconfig(options.root + PATHS.adminConf, endpoint, options.ports.apiServer);
  run.emit({ kind: "success", kubeconfig, clusterId: fromHex(state.clusterId) });
  console("cluster is initialised");
}

function apiServers({ state }: Member, platform: Platform, port: number) {
  const local = { host: platform.address, port };
  const others = state.apiServerEndpoints.map(parseEndpoint).filter(({ host }) => host !== platform.address);
  const hasOwn = state.role === "control-plane" && (state.finished || state.origin === "init");
  return hasOwn ? [local, ...others] : others;
}
