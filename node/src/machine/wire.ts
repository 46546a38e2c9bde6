import { detectPlatform, nodeFiles } from "@constellation/evidence-source/detect";
import { stateDiskUuid } from "@constellation/keys";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { uptime } from "node:os";
import { mountState, syncState } from "../disk/mounts.ts";
import { StateDisk } from "../disk/state-disk.ts";
import { NodeError } from "../errors.ts";
import type { Exec } from "@constellation/exec";
import { connectContainerd } from "../images/containerd-client.ts";
import { registerSystemImages } from "../images/register.ts";
import { EtcdKeys } from "../kms/etcd-keys.ts";
import { createClusterAdmin } from "../kubernetes/cluster-admin.ts";
import { writeRegistryMirrors } from "../kubernetes/containerd-hosts.ts";
import { createKubeadm } from "../kubernetes/kubeadm.ts";
import type { Console } from "../log/console.ts";
import type { Log } from "../log/log.ts";
import { type NodeOptions, PATHS } from "../options.ts";
import { findOwnAddress } from "../platform/address.ts";
import { readMetadata } from "../platform/metadata.ts";
import { NodeTpm } from "../platform/node-tpm.ts";
import { TpmDevice } from "../platform/tpm-device.ts";
import { canSeal, TpmSealer } from "../recovery/sealer.ts";
import { retry } from "../retry.ts";
import type { ApiProxy } from "../run/api-proxy.ts";
import { createSystemd } from "../systemd/units.ts";
import type { Dependencies, Platform } from "./node.ts";
import { NodeServices } from "./services.ts";

const REGISTER_TIMEOUT_MS = 5 * 60_000;

/** Puts the real parts of a node together. */
export function wireNode(
  options: NodeOptions,
  parts: { exec: Exec; log: Log; console: Console; apiProxy: ApiProxy },
): Dependencies {
  const { exec, log, console, apiProxy } = parts;
  const systemd = createSystemd(exec);
  const now = (): Date => new Date();
  return {
    options,
    exec,
    log,
    console,
    apiProxy,
    systemd,
    cluster: createClusterAdmin({ root: options.root, host: "127.0.0.1", port: options.ports.apiServer, now }),
    kubeadm: createKubeadm(exec, (text) => log.info("kubeadm", { text: text.trim() })),
    now,
    services: new NodeServices(options, log),
    // The clock of the boot, like the file.
    etcdKeys: new EtcdKeys(options.root + PATHS.etcdKeys, () => uptime() * 1000),
    openPlatform: (signal) => openPlatform(options, { log, console }, signal),
    openDisk: (uuid) =>
      new StateDisk(
        {
          device: findStateDisk(options.stateDisks),
          uuid,
          mapperName: options.mapperName,
          runDirectory: options.runDirectory,
        },
        exec,
      ),
    mountState: (signal) =>
      mountState({ device: `/dev/mapper/${options.mapperName}`, stateMount: options.stateMount }, exec, signal),
    syncState: (signal) => syncState(options.stateMount, exec, signal),
    async openKms(keyManagement, signal) {
      // Clusters that keep their root key themselves need none of it, and do not load it.
      const { clusterKmsDependencies, openClusterKms } = await import("@constellation/kms");
      return openClusterKms(keyManagement, clusterKmsDependencies(), signal);
    },
    // The file takes the name in one write; there is nothing to be atomic about.
    setHostname: (name) => writeFile("/proc/sys/kernel/hostname", name),
    writeRegistryMirrors: (mirrors) => writeRegistryMirrors(options.root + PATHS.containerdHosts, mirrors),
    async startRuntime(signal) {
      await systemd.start("containerd.service", signal);
      const client = connectContainerd(options.containerdSocket, "k8s.io");
      const register = () => registerSystemImages({ imagesDirectory: options.imagesDirectory, client }, signal);
      const result = await retry("the system images to be registered", register, {
        signal,
        timeoutMs: REGISTER_TIMEOUT_MS,
        onFailure: (error) => log.error("registering system images failed, trying again", error),
      });
      log.info("system images registered", { ...result });
    },
  };
}

async function openPlatform(
  options: NodeOptions,
  { log, console }: { log: Log; console: Console },
  signal: AbortSignal,
): Promise<Platform> {
  const openTpm = (): Promise<TpmDevice> => TpmDevice.open(options.tpmDevice);
  // The kernel may not have made its devices yet.
  const detect = (): ReturnType<typeof detectPlatform> => detectPlatform({ files: nodeFiles("/"), openTpm }, signal);
  const variant = await retry("the devices of a known platform", detect, { signal, timeoutMs: 60_000 });
  log.info("attestation variant", { variant });
  const { metadata, attester } =
    variant === "qemu-vtpm"
      ? await openLocal(options, openTpm, signal)
      : // Local machines need none of what other hardware's evidence comes from, and do not load it.
        await (await import("../platform/hardware.ts")).openHardware(variant, { options, openTpm, log }, signal);
  const onLate = (error: unknown): void => {
    log.error("no address yet", error);
    console("no IPv4 address with a default route yet: a node gets its own by DHCP");
  };
  const address = await findOwnAddress(signal, { onLate });
  const sealer = canSeal(variant) ? new TpmSealer(await openTpm()) : undefined;
  return { metadata, attester, address, diskUuid: stateDiskUuid(attester.machineDigest), sealer };
}

async function openLocal(
  options: NodeOptions,
  openTpm: () => Promise<TpmDevice>,
  signal: AbortSignal,
): Promise<Pick<Platform, "metadata" | "attester">> {
  const metadata = await readMetadata(options.fwCfgMetadata);
  const device = await retry("the TPM", openTpm, { signal, timeoutMs: 60_000 });
  return { metadata, attester: await NodeTpm.open(device, { eventLogPath: options.eventLog }, signal) };
}

function findStateDisk(candidates: readonly string[]): string {
  const found = candidates.find((path) => existsSync(path));
  if (found === undefined) {
    throw new NodeError("disk", `Find state disk failed: got none, wanted one of "${candidates.join(", ")}"`);
  }
  return found;
}
