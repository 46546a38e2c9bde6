import { type CaseInput, EvidenceError, isAccepted, judgeCase, type Judgement } from "@constellation/evidence";
import { showEvidence, type ShownEvidence } from "@constellation/evidence/show";
import { settle } from "@constellation/web-crypto";

/** What came out: a verdict, or why there is none. */
export type Outcome =
  | { readonly kind: "judged"; readonly accepted: boolean; readonly judgement: Judgement }
  | { readonly kind: "not-judged"; readonly reason: string };

/** Judges what `read` gives, with WebCrypto. What can't be judged has no verdict; a fault of the page is thrown. */
export async function judge(read: () => CaseInput): Promise<Outcome> {
  try {
    const judgement = await settle(() => judgeCase(read()));
    return { kind: "judged", accepted: isAccepted(judgement), judgement };
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    return { kind: "not-judged", reason: error.message };
  }
}

/** What a file says, or why that can't be told. */
export async function show(bytes: Uint8Array): Promise<ShownEvidence | string> {
  try {
    return await settle(() => showEvidence(bytes));
  } catch (error) {
    if (!(error instanceof EvidenceError)) throw error;
    return error.message;
  }
}
