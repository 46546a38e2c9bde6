/** Certificates that makers of hardware and clouds publish, for policies to pin. Microsoft's for virtual TPMs are not here. */
export { AMD_ROOTS } from "./amd.ts";
export { AWS_NITRO_ROOT } from "./aws.ts";
export { GCP_EK_AK_INTERMEDIATE, GCP_EK_AK_ROOT } from "./gcp.ts";
export { INTEL_ROOT } from "./intel.ts";
