import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { KubeClient } from "@constellation/kube";
import { PATHS } from "../options.ts";
import { keepEtcdPriority } from "../run/etcd-priority.ts";
import { followApiServers } from "../run/follow-api-servers.ts";
import { followKeyManagement } from "../run/follow-key-management.ts";
import type { Step } from "./machine.ts";

/** A member at work: the local endpoint follows the control planes, etcd keeps its priority. Ends with the signal. */
export const runStep: Step<"run"> = async ({ platform, member }, dependencies, signal) => {
  const { apiProxy, console, exec, log, options } = dependencies;
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
  if (member.state.role === "control-plane") {
    tasks.push(keepEtcdPriority(exec, log, signal), followKeyManagement(platform, dependencies, delay, signal));
  }
  await Promise.all(tasks);
  return undefined;
};
