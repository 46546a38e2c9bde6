/** What starts the guest: each sets up memory and registers in its own way. */
export type Vmm =
  | { readonly kind: "qemu" }
  | { readonly kind: "ec2" }
  /** Google measures the VMSA at the end of the CPU's guest physical address space. */
  | { readonly kind: "gce"; readonly product: "Milan" | "Genoa" };

/** KVM's address for VMSA pages: the last page of 48 bits. */
const VMSA_GPA_48_BITS = 0xffff_ffff_f000n;
const VMSA_GPA_52_BITS = 0xf_ffff_ffff_f000n;

/** The guest physical address that VMSA pages are measured at. */
export function vmsaGpa(vmm: Vmm): bigint {
  return vmm.kind === "gce" && vmm.product === "Genoa" ? VMSA_GPA_52_BITS : VMSA_GPA_48_BITS;
}
