import { concat, fromHex } from "@constellation/bytes";
import type { CertificateRole } from "@constellation/sev-snp";

/** GUIDs of AMD 56421 section 4.1.8.1, in the order of their text. */
const GUIDS: Readonly<Record<CertificateRole, string>> = {
  ARK: "c0b406a4a803495297433fb6014cd0ae",
  ASK: "4ab7b379bbac4fe4a02f05aef327c782",
  VCEK: "63da758de6644564adc5f4b93be8accd",
  VLEK: "a8074bc2a25a483eaae639c045a0b8a1",
  CRL: "92f81bc358114d3d97ffd19f88dc67ea",
};

const ENTRY_BYTES = 24;

/** A certificate table as a host gives it to its guests: headers, one of zeros, then the data (the same section). */
export function certificateTable(entries: readonly (readonly [CertificateRole, Uint8Array])[]): Uint8Array {
  let offset = (entries.length + 1) * ENTRY_BYTES;
  const headers = entries.map(([role, data]) => {
    const header = concat(fromHex(GUIDS[role]), u32(offset), u32(data.length));
    offset += data.length;
    return header;
  });
  return concat(...headers, new Uint8Array(ENTRY_BYTES), ...entries.map(([, data]) => data));
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
