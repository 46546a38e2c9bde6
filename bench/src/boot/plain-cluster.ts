import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DebugShell } from "@constellation/e2e/src/harness/debug-shell.ts";
import { runProgram } from "@constellation/e2e/src/harness/run-program.ts";
import { bundle } from "@constellation/image/src/bundle.ts";
import { KUBERNETES_VERSION } from "@constellation/image/src/components.ts";
import { writePlainManifests } from "@constellation/image/src/manifests.ts";
import {
  endpointAddress,
  ensureLocalCluster,
  type LocalClusterSpec,
  startNode,
  stopNode,
  terminateLocal,
} from "@constellation/infrastructure-local";
import { KubeClient } from "@constellation/kube";
import {
  createKeyPair,
  issueCertificate,
  issueSelfSigned,
  privateKeyPem,
} from "@constellation/node/src/pki/certificate.ts";
import { PLAIN, type PlainSettings } from "./plain.ts";
import { untilDns, untilReady } from "./until-ready.ts";

const UID = "bench-plain";
const CONTROL_PLANE = "control-plane-0";
const WORKER = "worker-0";
const HOUR_MS = 3600_000;
const DISK_GIB = 8;
/** The agent stays off; systemd-stub adds this to the kernel's command line. */
const NO_AGENT = "io.systemd.stub.kernel-cmdline-extra=systemd.mask=constellation-node.service";

/** Seconds until nodes of the plain cluster were Ready, from the start of the first machine. */
export interface PlainTimes {
  readonly controlPlaneSeconds: number;
  /** Until the cluster's DNS answered on the control plane. */
  readonly dnsSeconds: number;
  readonly allSeconds: number;
}

/** Boots control plane and worker of the debug image at `imagePath` as a plain cluster. */
export async function bootPlainCluster(imagePath: string): Promise<PlainTimes> {
  const workspace = await mkdtemp(join(tmpdir(), "constellation-bench-"));
  const spec: LocalClusterSpec = {
    uid: UID,
    name: UID,
    imagePath,
    controlPlanes: 1,
    workers: 1,
    vcpus: 2,
    memoryMiB: 4096,
    stateDiskGiB: DISK_GIB,
    hostPorts: [],
    throwawayDisks: true,
    extraSmbios: [NO_AGENT],
  };
  try {
    const { accelerator } = await ensureLocalCluster(spec, { workspaceDir: workspace, deferWorkers: true });
    for (const node of [CONTROL_PLANE, WORKER]) await stopNode(workspace, node);
    const client = await prepareDisks(workspace, accelerator === "tcg" ? "patient" : "default");
    const started = performance.now();
    const seconds = (): number => (performance.now() - started) / 1000;
    // In the order in which `apply` starts them: emulated workers when the control plane's network works.
    const worker = accelerator === "kvm" ? boot(workspace, WORKER) : undefined;
    await boot(workspace, CONTROL_PLANE);
    await untilReady(client, [CONTROL_PLANE]);
    const controlPlaneSeconds = seconds();
    await untilDns(client);
    const dnsSeconds = seconds();
    await (worker ?? boot(workspace, WORKER));
    await untilReady(client, [CONTROL_PLANE, WORKER]);
    return { controlPlaneSeconds, dnsSeconds, allSeconds: seconds() };
  } finally {
    await terminateLocal(workspace);
    await rm(workspace, { recursive: true, force: true });
  }
}

async function boot(workspace: string, node: string): Promise<void> {
  await startNode(workspace, node);
  const shell = new DebugShell(workspace, node);
  await shell.bootAfter(undefined);
  const program = `/run/state/${PLAIN.program}`;
  const mount = `mkdir -p /run/state && mount -t ext4 -o noatime ${PLAIN.device} /run/state`;
  // The shell is there before the network and udev's links are.
  await shell.run(
    `(until [ -e ${PLAIN.device} ]; do sleep 0.2; done; ${mount}; exec systemd-run --unit=plain-node node ${program}) >/dev/null 2>&1 &`,
  );
}

/** Fills both disks with file system, CA and program, and gives a client of the cluster that will be. */
async function prepareDisks(workspace: string, timingProfile: PlainSettings["timingProfile"]): Promise<KubeClient> {
  const folder = join(workspace, "disk");
  const pki = join(folder, "etc-kubernetes/pki");
  await mkdir(pki, { recursive: true });
  await bundle(join(import.meta.dirname, "plain-node.ts"), join(folder, PLAIN.program));
  await writePlainManifests(join(folder, PLAIN.manifests));
  const endpoint = endpointAddress(UID);
  const settings: PlainSettings = {
    certSans: [endpoint],
    serviceCidr: "10.96.0.0/12",
    kubernetesVersion: `v${KUBERNETES_VERSION}`,
    timingProfile,
  };
  await writeFile(join(folder, PLAIN.settings), JSON.stringify(settings));
  const validity = { notBefore: new Date(Date.now() - HOUR_MS), notAfter: new Date(Date.now() + 24 * HOUR_MS) };
  const caKeys = createKeyPair();
  const ca = issueSelfSigned(
    { subject: { commonName: "plain" }, publicKey: caKeys.publicKey, usage: "ca", altNames: [], ...validity },
    caKeys.privateKey,
  );
  await writeFile(join(pki, "ca.crt"), ca);
  await writeFile(join(pki, "ca.key"), privateKeyPem(caKeys.privateKey), { mode: 0o600 });
  for (const node of [CONTROL_PLANE, WORKER]) {
    const disk = join(workspace, "constellation-local/nodes", node, "state.img");
    await mustRun("mke2fs", ["-q", "-F", "-t", "ext4", "-d", folder, disk, `${DISK_GIB}G`]);
  }
  const keys = createKeyPair();
  const subject = { commonName: "bench", organization: "system:masters" };
  const certificate = issueCertificate(
    { subject, publicKey: keys.publicKey, usage: "client", altNames: [], ...validity },
    { certificatePem: ca, privateKey: caKeys.privateKey },
  );
  const clientKey = privateKeyPem(keys.privateKey);
  return new KubeClient(new URL(`https://${endpoint}:6443`), () =>
    Promise.resolve({ ca, clientCertificate: certificate, clientKey }),
  );
}

async function mustRun(program: string, args: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await runProgram(program, args, { timeoutMs: 120_000 });
  if (exitCode !== 0) throw new Error(`Run ${program} failed: ${stderr}`);
}
