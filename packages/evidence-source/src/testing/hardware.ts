import { concat, fromHex } from "@constellation/bytes";
import { FakeAmd, genuine } from "@constellation/sev-snp/testing";
import { FakeIntel } from "@constellation/tdx/testing";
import { FakeHost } from "./fake-host.ts";

/** Who made the fake hardware. */
export const amd = new FakeAmd("Genoa");
export const intel = await FakeIntel.create();

/** A certificate table (AMD 56421 section 4.1.8.1). */
export function certificateTable(entries: readonly (readonly [string, Uint8Array])[]): Uint8Array {
  const u32 = (value: number) => Uint8Array.of(value, value >> 8, value >> 16, value >> 24);
  let offset = 24 * (entries.length + 1);
  const headers = entries.map(([guid, data]) => {
    const header = concat(fromHex(guid), u32(offset), u32(data.length));
    offset += data.length;
    return header;
  });
  return concat(...headers, new Uint8Array(24), ...entries.map(([, data]) => data));
}

/** Of the table's entries. */
export const GUID = {
  ARK: "c0b406a4a803495297433fb6014cd0ae",
  ASK: "4ab7b379bbac4fe4a02f05aef327c782",
  VCEK: "63da758de6644564adc5f4b93be8accd",
  VLEK: "a8074bc2a25a483eaae639c045a0b8a1",
  CRL: "92f81bc358114d3d97ffd19f88dc67ea",
} as const;

type Table = Partial<Record<keyof typeof GUID, Uint8Array>>;

/** An SEV-SNP guest; by default its host hands out nothing. */
export function snpHost(
  table?: (given: ReturnType<typeof genuine>) => Table,
  signer: "VCEK" | "VLEK" = "VCEK",
): FakeHost {
  const host = new FakeHost();
  host.tsm = {
    provider: "sev_guest",
    report: (inblob) => {
      const given = genuine(amd, { signer, report: { reportData: inblob } });
      const rows = Object.entries(table?.(given) ?? {}).map(([role, data]) => [GUID[role as "ARK"], data] as const);
      return { outblob: given.report, ...(table && { auxblob: certificateTable(rows) }) };
    },
  };
  return host;
}

/** A TD; its host hands out padded quotes. */
export function tdxHost(): FakeHost {
  const host = new FakeHost();
  host.tsm = {
    provider: "tdx_guest",
    report: (REPORTDATA) => ({ outblob: intel.quote({ body: { REPORTDATA }, paddingBytes: 100 }) }),
  };
  return host;
}
