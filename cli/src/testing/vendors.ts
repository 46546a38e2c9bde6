import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { EndorsementSource } from "@constellation/endorsements";
import { pemToDer } from "@constellation/x509";

/** AMD and Intel, who know the platforms of two cases of the test vectors. */
export function vendorsOf(vectors: string): EndorsementSource {
  const read = async (name: string): Promise<Uint8Array> => new Uint8Array(await readFile(join(vectors, name)));
  const tdx = "azure/tdx-trustee-v1-collateral";
  return {
    sevSnp: async () => ({
      endorsementCert: await read("sev-snp/milan-v3-dstack/vcek.der"),
      caChain: [pemToDer(await readFile(join(vectors, "sev-snp/milan-v3-dstack/ask.pem"), "latin1"))],
      crls: [],
    }),
    tdx: async ({ fmspc, ca }) => {
      assert.deepEqual([Buffer.from(fmspc).toString("hex"), ca], ["00806f050000", "platform"]);
      return {
        tcbInfo: await read(`${tdx}/tcb_info.json`),
        tcbInfoIssuerChain: await read(`${tdx}/tcb_info_issuer_chain.pem`),
        qeIdentity: await read(`${tdx}/qe_identity.json`),
        qeIdentityIssuerChain: await read(`${tdx}/qe_identity_issuer_chain.pem`),
        rootCaCrl: await read(`${tdx}/root_ca_crl.der`),
        pckCrl: await read(`${tdx}/pck_crl.der`),
        pckCrlIssuerChain: await read(`${tdx}/pck_crl_issuer_chain.pem`),
      };
    },
  };
}
