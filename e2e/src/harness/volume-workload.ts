import { IMAGE_NAME, NAMESPACE, UNPRIVILEGED } from "./workload.ts";

/** A database with one replica and a volume of its own. */
export const DATABASE = { name: "database", pod: "database-0", claim: "data-database-0" } as const;

/** A pod with a file on a volume; its claim has its name. */
export interface Holder {
  readonly name: string;
  readonly file: string;
}
/** On a volume that notices damage. */
export const LEDGER: Holder = { name: "ledger", file: "/data/ledger" };
/** On a volume of the default class. */
export const NOTES: Holder = { name: "notes", file: "/data/notes" };
/** On a volume whose key changes. */
export const VAULT: Holder = { name: "vault", file: "/data/vault" };

const USER = 65534;
const CLIENT_URL = "http://127.0.0.1:2379";

/** etcd, which keeps what it is given on a volume of this class. */
export function databaseStatefulSet(storageClassName: string, size: string, replicas = 1): object {
  const peerUrl = "http://127.0.0.1:2380";
  const container = {
    name: "etcd",
    image: IMAGE_NAME,
    command: [
      "/etcd",
      "--data-dir=/data/etcd",
      `--listen-client-urls=${CLIENT_URL}`,
      `--advertise-client-urls=${CLIENT_URL}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=default=${peerUrl}`,
      "--heartbeat-interval=1000",
      "--election-timeout=10000",
    ],
    readinessProbe: { exec: { command: ["/etcdctl", "endpoint", "health"] }, periodSeconds: 20, timeoutSeconds: 30 },
    volumeMounts: [{ name: "data", mountPath: "/data" }],
    securityContext: UNPRIVILEGED,
  };
  const labels = { app: DATABASE.name };
  const claim = {
    metadata: { name: "data" },
    spec: { accessModes: ["ReadWriteOnce"], storageClassName, resources: { requests: { storage: size } } },
  };
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: DATABASE.name, namespace: NAMESPACE },
    spec: {
      replicas,
      serviceName: DATABASE.name,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { ...podSpec(), containers: [container] },
      },
      volumeClaimTemplates: [claim],
    },
  };
}

/** A holder's claim on a volume of this class; the default one if none is named. */
export function holderClaim({ name }: Holder, size: string, storageClassName?: string): object {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name, namespace: NAMESPACE },
    spec: {
      accessModes: ["ReadWriteOnce"],
      ...(storageClassName === undefined ? {} : { storageClassName }),
      resources: { requests: { storage: size } },
    },
  };
}

/** A pod that does nothing with its volume until it is told. */
export function holderPod({ name }: Holder): object {
  const container = {
    name: "holder",
    image: IMAGE_NAME,
    command: ["/agnhost", "pause"],
    volumeMounts: [{ name: "data", mountPath: "/data" }],
    securityContext: UNPRIVILEGED,
  };
  const volume = { name: "data", persistentVolumeClaim: { claimName: name } };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: NAMESPACE },
    spec: { ...podSpec(), containers: [container], volumes: [volume] },
  };
}

function podSpec(): object {
  return {
    automountServiceAccountToken: false,
    // An emulated boot may take longer than Kubernetes leaves pods on a node that is silent, five minutes, and nobody makes
    // a holder anew.
    tolerations: [{ operator: "Exists", effect: "NoExecute" }],
    terminationGracePeriodSeconds: 5,
    securityContext: { fsGroup: USER },
  };
}
