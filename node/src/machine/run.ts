import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { KubeClient } from "@constellation/kube";
import { PATHS } from "../options.ts";
import { followGenerations } from "../kms/follow-generations.ts";
import { keyServiceEtcdKeys } from "../kms/key-service.ts";
import { keepEtcdPriority } from "../run/etcd-priority.ts";
import { followApiServers } from "../run/follow-api-servers.ts";
import { followKeyManagement } from "../run/follow-key-management.ts";
import { reportGenerations } from "../run/report-generation.ts";
import type { Step } from "./machine.ts";

/**
 * A member at work: the local endpoint follows the control planes; on a control plane etcd keeps its priority, and the
 * keys for secrets follow the cluster's. Ends with the signal.
 */
export const runStep: Step<"run"> = async ({ platform, member }, dependencies, signal) => {
  const { apiProxy, console, etcdKeys, exec, log, now, options } = dependencies;
  const { root, ports } = options;
  console("node is running");
  const client = new KubeClient(new URL(`https://127.0.0.1:${ports.apiProxy}`), async () => {
    const [ca, current] = await Promise.all([
      readFile(`${root}${PATHS.pki}/ca.crt`, "utf8"),
      // Certificate and key in one file, as the kubelet keeps them.
      readFile(`${root}${PATHS.kubeletPki}/kubelet-client-current.pem`, "utf8"),
    ]);
    return { ca, clientCertificate: current, clientKey: current };
  });
  const tasks = [followApiServers({ client, apiProxy, platform, member, options }, log, delay, signal)];
  const isControlPlane = member.state.role === "control-plane";
  tasks.push(reportGenerations(client, member, isControlPlane ? etcdKeys.ring : undefined, log, signal));
  if (isControlPlane) {
    const keyService = { host: "127.0.0.1", port: ports.keyService, pkiDirectory: root + PATHS.servicePki };
    tasks.push(keepEtcdPriority(exec, log, signal));
    const { diskGeneration } = member;
    tasks.push(followKeyManagement({ platform, diskGeneration }, dependencies, delay, signal));
    tasks.push(followGenerations(keyServiceEtcdKeys(keyService, now), etcdKeys, log, delay, signal));
  }
  await Promise.all(tasks);
  return undefined;
};
