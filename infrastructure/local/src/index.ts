/** Local clusters: QEMU machines with TPMs, their network and endpoint, as plain processes of the user. */
export { bootKernel, probeKvm, type KvmVerdict } from "./accelerator/kvm-probe.ts";
export { endpointAddress, GUEST_NETWORK, nodeAddresses, NODE_PORTS, nodeName, type NodeRole } from "./addressing.ts";
export type { LocalContext, Progress } from "./cluster/context.ts";
export { ensureLocalCluster, type LocalCluster } from "./cluster/ensure.ts";
export { resetNode, startNode, stopNode, withNodeTpm } from "./cluster/node-control.ts";
export { capture, consoleLog, debugSocket, loadRecords, loadSpec, tpmCaCertificate } from "./cluster/records.ts";
export type { Accelerator, LocalClusterSpec, NodeOverrides } from "./cluster/spec.ts";
export type { NodeRecord } from "./cluster/state.ts";
export { cacheFolder } from "./host/cache-folder.ts";
export { type LocalStatus, localStatus, type NodeStatus, type ProcessStatus } from "./cluster/status.ts";
export { countProcesses, type Termination, terminateLocal } from "./cluster/terminate.ts";
export { LocalError, type LocalErrorCode } from "./errors.ts";
export { runNetd } from "./netd/run-netd.ts";
export { type Firmware, firmware, type ToolCommand, toolCommand, toolsTree, toolsTreePresent } from "./tools-tree.ts";
