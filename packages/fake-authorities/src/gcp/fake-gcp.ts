import { FakeTpmCa } from "../tpm/fake-tpm-ca.ts";
import type { FakeTpm } from "../tpm/fake-tpm.ts";
import { FAKE_GCE_INSTANCE, type GceInstance, gceInstanceExtension } from "./gce-instance.ts";

/** A stand-in for Google's authorities of virtual TPMs: certificates say which instance of Compute Engine has the key. */
export class FakeGcp {
  readonly ca: FakeTpmCa = new FakeTpmCa({
    organization: "Google LLC",
    root: "EK/AK CA Root",
    intermediate: "EK/AK CA Intermediate",
  });

  /** Certifies the attestation key of an instance's TPM. */
  certifyAk(tpm: FakeTpm, instance: Partial<GceInstance> = {}): Uint8Array {
    return this.ca.certifyAk(tpm, requestOf({ ...FAKE_GCE_INSTANCE, ...instance }));
  }

  /** Certifies the endorsement key of an instance's TPM. */
  certifyEk(tpm: FakeTpm, instance: Partial<GceInstance> = {}): Uint8Array {
    return this.ca.certifyEk(tpm, requestOf({ ...FAKE_GCE_INSTANCE, ...instance }));
  }
}

function requestOf(instance: GceInstance): { commonName: string; extensions: Uint8Array[] } {
  return { commonName: `${instance.instanceId}`, extensions: [gceInstanceExtension(instance)] };
}
