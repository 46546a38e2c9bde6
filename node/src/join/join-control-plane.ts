import { createPrivateKey } from "node:crypto";
import { access, readFile, rm } from "node:fs/promises";
import { writeFileAtomic } from "../disk/files.ts";
import { faultPoint } from "../fault.ts";
import { joinDocument } from "../kubernetes/kubeadm-config.ts";
import { kubeconfig } from "../kubernetes/kubeconfig.ts";
import { writeStaticPodPatches } from "../kubernetes/static-pod-patches.ts";
import type { Dependencies, Platform } from "../machine/node.ts";
import { PATHS } from "../options.ts";
import { createKeyPair, issueCertificate, privateKeyPem } from "../pki/certificate.ts";
import { retry } from "../retry.ts";
import type { NodeState } from "../state/node-state.ts";

const JOIN_CONFIG = `${PATHS.policies}/kubeadm-join.yaml`;
const DISCOVERY = `${PATHS.policies}/kubeadm-discovery.conf`;
const CREDENTIAL_LIFETIME_MS = 3600_000;
const BACKDATE_MS = 2 * 3600_000;
const NETWORK_TIMEOUT_MS = 10 * 60_000;

/**
 * Joins this node to the control plane. The credentials for it are made here, from the CA that came with the ticket:
 * ones in the ticket could be too old when a node finishes after a crash.
 */
export async function joinControlPlane(
  state: NodeState,
  platform: Platform,
  { options, kubeadm, console, now }: Dependencies,
  signal: AbortSignal,
): Promise<void> {
  const { root, ports } = options;
  const certificatePem = await readFile(`${root}${PATHS.pki}/ca.crt`, "utf8");
  const privateKey = createPrivateKey(await readFile(`${root}${PATHS.pki}/ca.key`, "utf8"));
  const keys = createKeyPair();
  const clientPem = issueCertificate(
    {
      subject: {
        commonName: `constellation:joining:${state.name}`,
        organization: "constellation:joining-control-planes",
      },
      publicKey: keys.publicKey,
      usage: "client",
      altNames: [],
      notBefore: new Date(now().getTime() - BACKDATE_MS),
      notAfter: new Date(now().getTime() + CREDENTIAL_LIFETIME_MS),
    },
    { certificatePem, privateKey },
  );
  const discovery = kubeconfig({
    server: `https://127.0.0.1:${ports.apiProxy}`,
    caPem: certificatePem,
    user: "joining",
    credentials: { certificatePem: clientPem, keyPem: privateKeyPem(keys.privateKey) },
  });
  await writeFileAtomic(root + DISCOVERY, discovery, 0o600);
  const document = joinDocument(
    { nodeName: state.name, nodeAddress: platform.address, timingProfile: state.timingProfile },
    root + DISCOVERY,
  );
  await writeFileAtomic(root + JOIN_CONFIG, document, 0o600);
  await writeStaticPodPatches(root, state.timingProfile);
  await networkReady(root, console, signal);
  await kubeadm.joinEtcd(root + JOIN_CONFIG, signal);
  faultPoint("join.after-etcd");
  await kubeadm.joinControlPlane(root + JOIN_CONFIG, signal);
  await rm(root + DISCOVERY, { force: true });
}

/**
 * Returns when Cilium's agent has been set up here. Its first start takes all that an emulated node has, while etcd must
 * answer a new member, and kubeadm, within seconds. After the bound the node goes on: its network may need it.
 */
async function networkReady(root: string, console: (text: string) => void, signal: AbortSignal): Promise<void> {
  const options = { signal, firstDelayMs: 500, maxDelayMs: 500, timeoutMs: NETWORK_TIMEOUT_MS };
  try {
    await retry("the node's network", () => access(root + PATHS.cniConfig), options);
  } catch {
    signal.throwIfAborted();
    console("join: this node has no network for pods yet, and goes on without");
  }
}
