import { EvidenceError } from "@constellation/evidence";
import { type CaseInput, type CaseVerdict, judgeCase } from "@constellation/evidence/case";
import { showEvidence, type ShownEvidence } from "@constellation/evidence/show";
import { settle } from "@constellation/web-crypto";

/** What came out: a verdict, or why there is none. */
export type Outcome =
  | { readonly kind: "judged"; readonly judgement: CaseVerdict }
  | { readonly kind: "not-judged"; readonly reason: string };

/** Judges what `read` gives, with WebCrypto. What goes wrong makes no verdict, and leaves other evidence alone. */
export async function judge(read: () => CaseInput): Promise<Outcome> {
  try {
    return { kind: "judged", judgement: await settle(() => judgeCase(read())) };
  } catch (error) {
    return { kind: "not-judged", reason: reasonOf(error) };
  }
}

/** What a file says, or why that can't be told. */
export async function show(bytes: Uint8Array): Promise<ShownEvidence | string> {
  try {
    return await settle(() => showEvidence(bytes));
  } catch (error) {
    return reasonOf(error);
  }
}

/** What is wrong with the files is said as it is; anything else is a fault of the page, or of the browser. */
function reasonOf(error: unknown): string {
  return error instanceof EvidenceError ? error.message : `the page failed: ${String(error)}`;
}
