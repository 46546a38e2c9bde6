import { type Collateral, QuoteVerifier } from "@phala/dcap-qvl";
import { file, type Inputs, pemBlocks } from "./inputs.ts";
import type { Work } from "./work.ts";

/** Members of Intel's answers: what is signed, as it stands, and the signature in hexadecimal. */
const ANSWER = /^\{"\w+":(?<signed>.*),"signature":"(?<signature>[0-9a-f]+)"\}\s*$/s;

/** A TD quote verified by @phala/dcap-qvl, with the collateral in the form that it takes. */
export function dcapQvl({ files, roots, now }: Inputs): Work {
  const text = (role: string): string => Buffer.from(file(files, role)).toString();
  const [root] = roots.flatMap(pemBlocks);
  const verifier = QuoteVerifier.newWithRootCa(Buffer.from(root as Uint8Array));
  return () => {
    const tcbInfo = splitAnswer(text("tcb_info"));
    const qeIdentity = splitAnswer(text("qe_identity"));
    const collateral: Collateral = {
      pck_crl_issuer_chain: text("pck_crl_issuer_chain"),
      root_ca_crl: Buffer.from(file(files, "root_ca_crl")).toString("hex"),
      pck_crl: Buffer.from(file(files, "pck_crl")).toString("hex"),
      tcb_info_issuer_chain: text("tcb_info_issuer_chain"),
      tcb_info: tcbInfo.signed,
      tcb_info_signature: tcbInfo.signature,
      qe_identity_issuer_chain: text("qe_identity_issuer_chain"),
      qe_identity: qeIdentity.signed,
      qe_identity_signature: qeIdentity.signature,
    };
    const { status } = verifier.verify(Buffer.from(file(files, "quote")), collateral, now.getTime() / 1000);
    if (status !== "UpToDate") throw new Error(`Verify failed: got status "${status}", wanted "UpToDate"`);
  };
}

function splitAnswer(json: string): { signed: string; signature: string } {
  const { signed, signature } = ANSWER.exec(json)?.groups ?? {};
  if (signed !== undefined && signature !== undefined) return { signed, signature };
  throw new Error("Read collateral failed: got another form than Intel's answers have");
}
