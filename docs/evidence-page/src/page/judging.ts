import { type CaseInput, EvidenceError, isAccepted, judgeCase, type Judgement } from "@constellation/evidence";
import { showEvidence, type ShownEvidence } from "@constellation/evidence/show";
import { settle } from "@constellation/web-crypto";

/** What came out: a verdict, or why there is none. */
export type Outcome =
  | { readonly kind: "judged"; readonly accepted: boolean; readonly judgement: Judgement }
  | { readonly kind: "not-judged"; readonly reason: string };

/** Judges what `read` gives, with WebCrypto. What goes wrong makes no verdict, and leaves other evidence alone. */
export async function judge(read: () => CaseInput): Promise<Outcome> {
  try {
    const judgement = await settle(() => judgeCase(read()));
    return { kind: "judged", accepted: isAccepted(judgement), judgement };
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
