/** What the two sides of the plain cluster agree on. */
export const PLAIN = {
  device: "/dev/disk/by-id/virtio-state",
  /** Folder on the disk with the manifests: Cilium without encryption, CoreDNS. */
  manifests: "plain-manifests",
  program: "plain-node.mjs",
  settings: "plain.json",
} as const;

/** What the host tells the nodes, as a file on their disks. */
export interface PlainSettings {
  readonly certSans: readonly string[];
  readonly serviceCidr: string;
  readonly kubernetesVersion: string;
  readonly timingProfile: "default" | "patient";
}
