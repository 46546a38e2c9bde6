import type { EvidenceFiles } from "../files.ts";
import type { Case } from "./case.ts";

/** A case with the contents of its files. */
export interface CaseInput {
  readonly case: Case;
  readonly files: EvidenceFiles;
  /** The roots that the case trusts, PEM. */
  readonly roots: readonly string[];
  /** A file of the case's folder that another one names. @throws EvidenceError `file_missing` where there is none */
  readonly named: (name: string) => Uint8Array;
}
