import { fromHex } from "@constellation/bytes";
import { importSpki, type SignatureScheme, verifySignature } from "@constellation/crypto";
import { settle } from "@constellation/web-crypto";

/** Signatures by one key, all bytes in hexadecimal. */
export interface SignatureGroup {
  readonly spki: string;
  readonly scheme: SignatureScheme;
  readonly tests: readonly { readonly data: string; readonly signature: string }[];
}

/** Whether each signature holds, as this browser's WebCrypto has it. Tests bundle this file into a page. */
async function verifyGroup({ spki, scheme, tests }: SignatureGroup): Promise<boolean[]> {
  const results: boolean[] = [];
  for (const { data, signature } of tests) {
    const verify = () => verifySignature(importSpki(fromHex(spki)), scheme, fromHex(data), fromHex(signature));
    results.push(await settle(verify));
  }
  return results;
}

/** What the page then has in `globalThis`. */
export interface SignatureGlobals {
  readonly verifyGroup: typeof verifyGroup;
}

Object.assign(globalThis, { verifyGroup } satisfies SignatureGlobals);
