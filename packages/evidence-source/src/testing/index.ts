/** For tests: machines that are not there. */
export { nsmResponse } from "./cbor.ts";
export { FakeHost, systemError } from "./fake-host.ts";
export { FakeMetadata, json } from "./fake-metadata.ts";
export { FakeNv } from "./fake-nv.ts";
export { RTMR3 } from "../register/extend-register.ts";
export { TD_REGISTERS } from "../register/own-registers.ts";
export { AZURE_AK_CERTIFICATE_NV, GCP_AK_NV } from "../tpm/attestation-key.ts";
export { CC_EVENT_LOG, TPM_EVENT_LOG } from "../tpm/event-log.ts";
export { HCL_REPORT_NV } from "../tpm/hcl.ts";
