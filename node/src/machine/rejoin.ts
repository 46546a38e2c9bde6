import { equalConstantTime, hex } from "@constellation/bytes";
import { refuseInit } from "../init/endpoint.ts";
import { askJoinService, isClusterOfPeer, requireClusterOfPeer } from "../join/connection.ts";
import { parseRejoinTicket } from "../join/ticket.ts";
import { serveRecover } from "../rejoin/recover-service.ts";
import { Unlock } from "../rejoin/unlock.ts";
import { recoverByKms } from "../recovery/self-recovery.ts";
import { retry } from "../retry.ts";
import { unlessAborted } from "../unless-aborted.ts";
import type { Step } from "./machine.ts";

/**
 * Gets the key of the known disk: every node asks the join services, for as long as it takes; a control plane also
 * opens the door for the operator's `recover`, because it may be the last one, and asks the cluster's external KMS once
 * it has asked all others in vain.
 */
export const rejoinStep: Step<"rejoin"> = async ({ platform, disk, generation }, dependencies, signal) => {
  const { console, log, options, services } = dependencies;
  const unlock = new Unlock(platform, disk, dependencies, signal);
  const asking = new AbortController();
  const askSignal = AbortSignal.any([signal, asking.signal]);
  void unlock.opened.then(() => asking.abort());
  services.setInitHandler(refuseInit);
  const isControlPlane = platform.metadata.role === "control-plane";
  if (isControlPlane) await services.openInitDoor(platform);
  const listen = { host: platform.address, port: options.ports.recover };
  const recover = isControlPlane
    ? await serveRecover({ diskUuid: platform.diskUuid, generation }, platform.attester, listen, unlock.tryKey, log)
    : undefined;
  console(`rejoin: asking the control planes for the disk key${isControlPlane ? ", open for recovery" : ""}`);
  const recoverOnce = once(() => {
    if (!isControlPlane) return;
    const { tryKey, bindTo } = unlock;
    recoverByKms({ platform, disk, generation, tryKey, bindTo }, dependencies, askSignal).catch((error: unknown) => {
      if (!askSignal.aborted) log.error("self-recovery ended", error);
    });
  });
  let rounds = 0;
  const ask = retry(
    "the key of the state disk",
    () =>
      askJoinService(
        () => {
          // Called at the beginning of each round: at the second one, nobody has answered in the first.
          if (++rounds > 1) recoverOnce();
          return platform.metadata.controlPlaneAddresses;
        },
        platform,
        dependencies,
        async ({ client, ...peer }, callSignal) => {
          await unlock.bindTo(peer.claims.clusterRegister ?? "", (clusterId) => isClusterOfPeer(clusterId, peer));
          const request = { diskUuid: platform.diskUuid, generation };
          const answer = await client.issueRejoinTicket(request, { signal: callSignal });
          requireClusterOfPeer(answer.clusterId, peer);
          // Where the peer has no register, only now is it known which cluster it is of.
          const { clusterId } = answer;
          await unlock.bindTo(hex(clusterId), (other) => equalConstantTime(other, clusterId));
          const ticket = parseRejoinTicket(answer, generation, platform.metadata.role);
          await unlock.tryKey({ ...ticket, source: "join service" });
        },
        askSignal,
      ),
    { signal: askSignal, onFailure: (error) => log.error("rejoin attempt failed", error) },
  );
  // Ends with the abort below once the operator's key was faster; its other errors are retried inside.
  ask.catch(() => undefined);
  try {
    return { kind: "finish", platform, member: await unlessAborted(unlock.member, signal) };
  } finally {
    asking.abort();
    // The caller of recover gets the answer before the door closes.
    await recover?.close();
  }
};

function once(run: () => void): () => void {
  let hasRun = false;
  return () => {
    if (hasRun) return;
    hasRun = true;
    run();
  };
}
