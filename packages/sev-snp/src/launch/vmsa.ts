import { PAGE_BYTES } from "./page.ts";
import type { Vmm } from "./vmm.ts";

/** The start of one vCPU. */
export interface VcpuStart {
  readonly vmm: Vmm;
  /** Address of the first instruction. */
  readonly eip: number;
  /** `vcpuSignature` of the CPU model. */
  readonly signature: number;
  /** SEV_FEATURES (AMD64 APM volume 2, appendix B, table B-4). */
  readonly guestFeatures: bigint;
}

/** EIP of the first vCPU at reset. */
export const RESET_EIP = 0xffff_fff0;

/** Registers in which VMMs differ. */
interface InitialState {
  readonly csAttributes: number;
  readonly ssAttributes: number;
  readonly trAttributes: number;
  readonly rdx: number;
  readonly gPat: bigint;
  readonly mxcsr: number;
  readonly x87Fcw: number;
}

/** PAT at reset (AMD64 APM volume 2, section 7.8.2). */
const RESET_PAT = 0x0007_0406_0007_0406n;
/** The PAT that Google's hypervisor leaves in its place. */
const GCE_PAT = 0x0007_0106n;
const GCE_RDX = 0x600;

/** The VMSA page of a vCPU at reset (AMD64 APM volume 2, appendix B, table B-4). */
export function vmsaPage(start: VcpuStart): Uint8Array {
  const page = new DataView(new ArrayBuffer(PAGE_BYTES));
  const state = initialState(start);
  writeSegments(page, start.eip, state);
  writeRegisters(page, start, state);
  return new Uint8Array(page.buffer);
}

/** What QEMU, Amazon's and Google's hypervisors set; the last two leave the floating point state at zero. */
function initialState({ vmm, eip, signature }: VcpuStart): InitialState {
  const reset = { csAttributes: 0x9b, ssAttributes: 0x93, trAttributes: 0x8b, gPat: RESET_PAT, mxcsr: 0, x87Fcw: 0 };
  switch (vmm.kind) {
    case "qemu":
      return { ...reset, rdx: signature, mxcsr: 0x1f80, x87Fcw: 0x37f };
    case "ec2":
      return {
        ...reset,
        csAttributes: eip === RESET_EIP ? 0x9a : 0x9b,
        ssAttributes: 0x92,
        trAttributes: 0x83,
        rdx: 0,
      };
    case "gce":
      return { ...reset, rdx: GCE_RDX, gPat: GCE_PAT };
  }
}

/** Segments in the order of the page, 16 bytes each: selector, attributes, limit, base. */
function writeSegments(page: DataView, eip: number, state: InitialState): void {
  const csBase = (eip & 0xffff_0000) >>> 0;
  const segments: readonly (readonly [selector: number, attributes: number, base: number])[] = [
    [0, 0x93, 0], // ES
    [0xf000, state.csAttributes, csBase], // CS
    [0, state.ssAttributes, 0], // SS
    [0, 0x93, 0], // DS
    [0, 0x93, 0], // FS
    [0, 0x93, 0], // GS
    [0, 0, 0], // GDTR
    [0, 0x82, 0], // LDTR
    [0, 0, 0], // IDTR
    [0, state.trAttributes, 0], // TR
  ];
  segments.forEach(([selector, attributes, base], index) => {
    page.setUint16(index * 16, selector, true);
    page.setUint16(index * 16 + 2, attributes, true);
    page.setUint32(index * 16 + 4, 0xffff, true);
    page.setBigUint64(index * 16 + 8, BigInt(base), true);
  });
}

function writeRegisters(page: DataView, { eip, guestFeatures }: VcpuStart, state: InitialState): void {
  page.setBigUint64(0x0d0, 0x1000n, true); // EFER: SVME
  page.setBigUint64(0x148, 0x40n, true); // CR4: MCE
  page.setBigUint64(0x158, 0x10n, true); // CR0: ET
  page.setBigUint64(0x160, 0x400n, true); // DR7
  page.setBigUint64(0x168, 0xffff_0ff0n, true); // DR6
  page.setBigUint64(0x170, 0x2n, true); // RFLAGS
  page.setBigUint64(0x178, BigInt(eip & 0xffff), true); // RIP
  page.setBigUint64(0x268, state.gPat, true); // G_PAT
  page.setBigUint64(0x310, BigInt(state.rdx), true); // RDX
  page.setBigUint64(0x3b0, guestFeatures, true); // SEV_FEATURES
  page.setBigUint64(0x3e8, 0x1n, true); // XCR0: x87
  page.setUint32(0x408, state.mxcsr, true); // MXCSR
  page.setUint16(0x410, state.x87Fcw, true); // X87_FCW
}
