import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TimingProfile } from "@constellation/cluster-state";
import { writeFileAtomic } from "../disk/files.ts";
import { PATHS } from "../options.ts";
import { timingOf } from "./timing.ts";

/** Where kubeadm looks for changes to the pods that it writes. */
export const STATIC_POD_PATCHES = `${PATHS.policies}/patches`;

const PATIENT_READINESS = { readinessProbe: { timeoutSeconds: 30, periodSeconds: 15, failureThreshold: 6 } };

/**
 * Shares of the processor. Everything waits for etcd and the API server: with a small share beside Cilium's agent, which
 * takes what it gets while it compiles and loads its programs, they answer so late that leaders are lost and clients start
 * again, and that takes the rest.
 */
const PATIENT_PODS = {
  etcd: { cpu: "350m", ...PATIENT_READINESS },
  "kube-apiserver": { cpu: "400m", ...PATIENT_READINESS },
  "kube-controller-manager": { cpu: "100m" },
  "kube-scheduler": { cpu: "50m", ...PATIENT_READINESS },
} as const;

/** kubeadm's patch files for a timing profile, by name. The default profile leaves the pods as kubeadm makes them. */
export function staticPodPatches(profile: TimingProfile): Record<string, object> {
  if (profile === "default") return {};
  // A slow answer is no dead server: to start it again would take more of the machine than to wait.
  const { staticPodProbe } = timingOf(profile);
  const entries = Object.entries(PATIENT_PODS).map(([name, { cpu, ...probes }]) => {
    const container = {
      name,
      livenessProbe: staticPodProbe,
      startupProbe: staticPodProbe,
      ...probes,
      resources: { requests: { cpu } },
    };
    return [`${name}+strategic.json`, { spec: { containers: [container] } }];
  });
  return Object.fromEntries(entries);
}

/** Writes the patches of a profile, and nothing else, into kubeadm's directory. */
export async function writeStaticPodPatches(root: string, profile: TimingProfile): Promise<void> {
  const directory = root + STATIC_POD_PATCHES;
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o755 });
  for (const [name, patch] of Object.entries(staticPodPatches(profile))) {
    await writeFileAtomic(join(directory, name), `${JSON.stringify(patch, undefined, 1)}\n`, 0o644);
  }
}
