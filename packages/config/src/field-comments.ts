const COMMENTS: Readonly<Record<string, string>> = {
  version: "Version of this document.",
  image: "Path of the node image, seen from this file's folder. measurements.json beside it has the expected values.",
  name: "Name of the cluster and its nodes. 1 to 37 lower-case letters, digits and dashes.",
  kubernetesVersion: "Kubernetes version. It is part of the node image.",
  microserviceVersion: "Version of Constellation's services. It is part of the node image.",
  debugCluster: "true only with a debug image, which lets people look into nodes. Never put data on such a cluster.",
  customEndpoint: "Host name that is added to the API server's certificate. Optional.",
  internalLoadBalancer: "Whether the API endpoint is for the cluster's network only. Not for provider qemu.",
  serviceCIDR: "IPv4 network of Kubernetes services. Takes effect when the cluster is initialised.",
  tags: "Tags for resources on clouds. Provider qemu has none to tag.",
  registryMirrors:
    'Mirrors for container images: registry as in image names (or "_default") to a list of URLs, tried in order.\n A registry on this computer is at http://10.42.0.1:<port>.',
  provider: "Where the cluster runs. Exactly one provider.",
  "provider.qemu": "Virtual machines on this computer, without root.",
  "provider.qemu.vcpus": "Virtual CPUs of each node.",
  "provider.qemu.memory": "Memory of each node in MiB.",
  "provider.qemu.imageFormat": "Format of the node image.",
  "provider.qemu.accel": "auto uses KVM where a guest really boots under it and emulation otherwise; or kvm, or tcg.",
  "provider.qemu.throwawayDisks":
    "true: disks are faster, but lose data when this computer (not the virtual machine) loses power.",
  nodeGroups: "Groups of like nodes. control_plane_default and worker_default must be there.",
  "nodeGroups.*.role": "control-plane or worker.",
  "nodeGroups.*.zone": "Zone on clouds. Empty for provider qemu.",
  "nodeGroups.*.instanceType": "Machine type on clouds. Empty for provider qemu.",
  "nodeGroups.*.stateDiskSizeGB": "Size of each node's encrypted state disk in gigabytes.",
  "nodeGroups.*.stateDiskType": "Disk type on clouds. Empty for provider qemu.",
  "nodeGroups.*.initialCount": "Number of nodes in this group.",
  attestation: "What a node must prove before it is trusted. Exactly one variant.",
  "attestation.qemuVTPM": "TPM of a virtual machine, endorsed by the certificate authority made for this cluster.",
  "attestation.qemuVTPM.measurements":
    "Expected values of platform configuration registers (SHA-256). With warnOnly: true a register may have any value.",
};

/** The comment that a generated configuration carries at a field, given the path of its keys. */
export function fieldComment(path: readonly string[]): string | undefined {
  return COMMENTS[path.join(".")] ?? (path.length === 3 ? COMMENTS[`${path[0]}.*.${path[2]}`] : undefined);
}
