import { bool, int, seq, text, tlv } from "@constellation/der/testing/der-writer";
import { extension } from "@constellation/x509/testing/certificate-writer";

/** Which instance of Compute Engine a TPM belongs to. */
export interface GceInstance {
  readonly zone: string;
  readonly projectNumber: bigint;
  readonly projectId: string;
  readonly instanceId: bigint;
  readonly instanceName: string;
  readonly isProduction: boolean;
}

/** An instance that there is not. */
export const FAKE_GCE_INSTANCE: GceInstance = {
  zone: "fake-zone1-a",
  projectNumber: 117_518_000_000n,
  projectId: "constellation-fake",
  instanceId: 6_796_000_000_000_000_001n,
  instanceName: "fake-instance",
  isProduction: true,
};

/** OID of Google's extension for instances. */
export const GCE_INSTANCE_OID = "1.3.6.1.4.1.11129.2.1.21";

/** The extension as Google's authorities issue it. Its security properties have the values of real certificates. */
export function gceInstanceExtension(instance: GceInstance): Uint8Array {
  const properties = [int(0), bool(instance.isProduction), ...Array.from({ length: 4 }, () => bool(false))];
  const value = seq(
    text(instance.zone),
    integer(instance.projectNumber),
    text(instance.projectId),
    integer(instance.instanceId),
    text(instance.instanceName),
    tlv(0xa0, seq(...properties.map((property, index) => tlv(0xa0 + index, property)))),
  );
  return extension(GCE_INSTANCE_OID, false, value);
}

/** An INTEGER of up to 63 bits that is not negative. */
function integer(value: bigint): Uint8Array {
  const octets = new Uint8Array(8);
  new DataView(octets.buffer).setBigUint64(0, value);
  const first = octets.findIndex((octet) => octet !== 0);
  const shortest = Array.from(octets.subarray(first));
  return (shortest[0] as number) > 0x7f ? int(0, ...shortest) : int(...shortest);
}
