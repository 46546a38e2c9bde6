import { concat } from "@constellation/bytes";
import { parseCertificateTable, parseReport, SevSnpError } from "@constellation/sev-snp";
import type { Target } from "../target.ts";
import type { Vectors } from "../vectors.ts";

/** Parsers of the package `sev-snp`. */
export const TARGETS: readonly Target[] = [
  {
    name: "sev-snp.report",
    parse: parseReport,
    error: SevSnpError,
    seeds: (vectors) => vectors.byRole(["report"], "sev-snp"),
  },
  { name: "sev-snp.certificate-table", parse: parseCertificateTable, error: SevSnpError, seeds: tableSeeds },
];

/** GUID of a VCEK (AMD 56421 section 4.1.8.1); hosts store it in the order of its text. */
const VCEK = Buffer.from("63da758de6644564adc5f4b93be8accd", "hex");
const HEADER_BYTES = 24;

/** One entry, the empty one that ends the list, and the certificate. */
function tableSeeds(vectors: Vectors): Uint8Array[] {
  return vectors.byRole(["endorsement_cert"], "sev-snp").map((certificate) => {
    const header = new Uint8Array(2 * HEADER_BYTES);
    header.set(VCEK);
    const view = new DataView(header.buffer);
    view.setUint32(16, header.length, true);
    view.setUint32(20, certificate.length, true);
    return concat(header, certificate);
  });
}
