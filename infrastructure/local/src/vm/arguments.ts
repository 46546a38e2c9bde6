import type { Accelerator } from "../cluster/spec.ts";
import type { NodePaths } from "../cluster/paths.ts";

/** One machine, as QEMU is told of it. */
export interface MachineOptions {
  name: string;
  accelerator: Accelerator;
  vcpus: number;
  memoryMiB: number;
  mac: string;
  imagePath: string;
  firmwareCode: string;
  /** State disk without flushes, for tests. */
  throwawayDisks: boolean;
  /** OEM strings (SMBIOS type 11). */
  smbios: readonly string[];
  paths: NodePaths;
}

/** QEMU's arguments for a machine: UEFI with measured boot, image as /dev/vda (read-only), state disk as /dev/vdb. */
export function machineArguments(options: MachineOptions): string[] {
  const { paths } = options;
  return [
    ["-name", `constellation-${options.name}`, "-nodefaults", "-no-user-config", "-display", "none"],
    ...platformArguments(options),
    ["-drive", `if=pflash,format=raw,unit=0,readonly=on,file=${escapeValue(options.firmwareCode)}`],
    ["-drive", `if=pflash,format=raw,unit=1,file=${escapeValue(paths.firmwareVariables)}`],
    ["-chardev", `socket,id=tpm-control,path=${escapeValue(paths.swtpm.controlSocket)}`],
    ["-tpmdev", "emulator,id=tpm0,chardev=tpm-control", "-device", "tpm-crb,tpmdev=tpm0"],
    ...diskArguments(options),
    ...networkArguments(options),
    ["-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0"],
    ["-chardev", `file,id=console,path=${escapeValue(paths.consoleLog)},append=on`, "-serial", "chardev:console"],
    // The second serial port: only the debug image has a shell there.
    [
      "-chardev",
      `socket,id=debug,path=${escapeValue(paths.debugSocket)},server=on,wait=off`,
      "-serial",
      "chardev:debug",
    ],
    ["-qmp", `unix:${escapeValue(paths.qmpSocket)},server=on,wait=off`],
    ["-fw_cfg", `name=opt/constellation/metadata,file=${escapeValue(paths.metadata)}`],
    ...options.smbios.flatMap((value) => ["-smbios", `type=11,value=${escapeValue(value)}`]),
  ].flat();
}

/** The combination that was proven stable under emulation, and the host's CPU under KVM. */
function platformArguments(options: MachineOptions): string[] {
  const accelerator =
    options.accelerator === "kvm" ? ["-accel", "kvm", "-cpu", "host"] : ["-accel", TCG, "-cpu", TCG_CPU];
  return ["-machine", "q35", ...accelerator, "-smp", String(options.vcpus), "-m", `${options.memoryMiB}M`];
}

const TCG = "tcg,thread=multi,tb-size=1024";
/**
 * What takes less of the real processor. Each address that is not in the TLB is looked up in the guest's page tables by
 * program: four levels are less than five. And "fast" string instructions are emulated byte by byte: a guest that is not
 * told of them (ERMS, FSRM) copies and clears eight bytes or more at a time.
 */
const TCG_CPU = "max,la57=off,erms=off,fsrm=off";

function diskArguments(options: MachineOptions): string[] {
  const cache = options.throwawayDisks ? "unsafe" : "writeback";
  const image = `id=image,if=none,format=raw,readonly=on,file=${escapeValue(options.imagePath)}`;
  const state = `id=state,if=none,format=raw,cache=${cache},discard=unmap,file=${escapeValue(options.paths.stateDisk)}`;
  return [
    ["-drive", image, "-device", "virtio-blk-pci,drive=image,serial=image,bootindex=0"],
    ["-drive", state, "-device", "virtio-blk-pci,drive=state,serial=state"],
  ].flat();
}

/** QEMU connects to the switch, and again whenever the switch was started anew. */
function networkArguments(options: MachineOptions): string[] {
  const path = escapeValue(options.paths.netSocket);
  return [
    ["-netdev", `stream,id=net0,server=off,reconnect-ms=500,addr.type=unix,addr.path=${path}`],
    ["-device", `virtio-net-pci,netdev=net0,mac=${options.mac},romfile=`],
  ].flat();
}

/** In QEMU's option strings a comma inside a value is written twice. */
export function escapeValue(value: string): string {
  return value.replaceAll(",", ",,");
}
