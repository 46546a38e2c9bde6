import assert from "node:assert/strict";
import { test } from "node:test";
import { FAKE_NOW, FakeIntel } from "./testing/index.ts";
import { type Check, type Collateral, type CollateralInput, parseQuote, TdxError, verifyQuote } from "./index.ts";
import { parseQeIdentity } from "./qe-identity.ts";
import { parseTcbInfo } from "./tcb-info.ts";
import { verifyRevocation } from "./verify-revocation.ts";
import { verifySignedDocument } from "./verify-signed-document.ts";

const intel = await FakeIntel.create();
const root = intel.root.certificate;
const collateral = intel.collateral();

/** Every byte of the evidence is changed in its lowest and in its highest bit. */
const MASKS = [0x01, 0x80];

/**
 * Places that nothing protects, each with its reason. There are none: what is not under a signature or a hash is fixed
 * by the format (lengths, types, padding, PEM and JSON around what is signed), and the root at the end of each chain
 * has to be the pinned one.
 */
const UNPROTECTED: ReadonlyMap<string, string> = new Map();

/** The places before `end` where a change is let pass. */
function survivors(
  name: string,
  bytes: Uint8Array,
  judge: (bytes: Uint8Array) => readonly Check[],
  end = bytes.length,
): string[] {
  assert.ok(
    isGenuine(() => judge(bytes)),
    `${name} is not genuine as it is`,
  );
  const changed = bytes.slice();
  const found: string[] = [];
  for (let at = 0; at < end; at++) {
    for (const mask of MASKS) {
      changed[at] = (bytes[at] as number) ^ mask;
      const place = `${name}[${at}] ^ ${mask}`;
      if (isGenuine(() => judge(changed)) && !UNPROTECTED.has(place)) found.push(place);
    }
    changed[at] = bytes[at] as number;
  }
  return found;
}

function isGenuine(judge: () => readonly Check[]): boolean {
  try {
    return judge().every(({ outcome }) => outcome !== "fail");
  } catch (error) {
    if (error instanceof TdxError) return false;
    throw error;
  }
}

function judgeQuote(quote: Uint8Array, given: CollateralInput): readonly Check[] {
  return verifyQuote({ quote: parseQuote(quote), roots: [root], now: FAKE_NOW, collateral: given }).checks;
}

/** What is refused without collateral is refused with it too. */
const judgeAlone = (quote: Uint8Array) => judgeQuote(quote, { kind: "none", reason: "to be quick" });

test("verifyQuote() refuses a version 4 quote with any one byte changed", () => {
  const pckCertificateChain = new Uint8Array([...intel.pckChain(), 0]);
  assert.deepEqual(survivors("quote", intel.quote({ pckCertificateChain, paddingBytes: 16 }), judgeAlone), []);
});

test("verifyQuote() refuses a version 5 quote with any one byte changed", () => {
  const quote = intel.quote({ version: 5, tdxVersion: "1.5" });
  // From its certificates on it is as one of version 4.
  const end = quote.length - intel.pckChain().length;
  assert.deepEqual(survivors("quote", quote, judgeAlone, end), []);
});

/** The part of the verification that looks at a part of the collateral; the whole takes a while for each byte. */
const JUDGES: Readonly<Record<keyof Collateral, (given: Collateral) => readonly Check[]>> = {
  tcbInfo: judgeTcbInfo,
  tcbInfoIssuerChain: judgeTcbInfo,
  qeIdentity: judgeQeIdentity,
  qeIdentityIssuerChain: judgeQeIdentity,
  rootCaCrl: judgeRevocation,
  pckCrl: judgeRevocation,
  pckCrlIssuerChain: judgeRevocation,
};

function judgeTcbInfo({ tcbInfo, tcbInfoIssuerChain }: Collateral): readonly Check[] {
  const spec = { name: "tcbInfo", code: "tcb_info", parse: parseTcbInfo } as const;
  return verifySignedDocument(spec, tcbInfo, tcbInfoIssuerChain, root, FAKE_NOW).checks;
}

function judgeQeIdentity({ qeIdentity, qeIdentityIssuerChain }: Collateral): readonly Check[] {
  const spec = { name: "qeIdentity", code: "qe_identity", parse: parseQeIdentity } as const;
  return verifySignedDocument(spec, qeIdentity, qeIdentityIssuerChain, root, FAKE_NOW).checks;
}

function judgeRevocation(given: Collateral): readonly Check[] {
  const certificates = { pckCertificate: intel.pck.certificate, pckCa: intel.platformCa.certificate, root };
  const signer = intel.tcbSigning.certificate;
  return verifyRevocation(given, certificates, { tcbInfoSigner: signer, qeIdentitySigner: signer }, FAKE_NOW);
}

const quote = intel.quote();

for (const name of Object.keys(JUDGES) as (keyof Collateral)[]) {
  test(`verifyQuote() refuses collateral with any one byte of ${name} changed`, () => {
    const spoil = (changed: Uint8Array) => ({ ...collateral, [name]: changed });
    assert.deepEqual(
      survivors(name, collateral[name], (changed) => JUDGES[name](spoil(changed))),
      [],
    );
    const changed = collateral[name].slice();
    changed[changed.length - 40] = (changed.at(-40) as number) ^ 1;
    assert.ok(!isGenuine(() => judgeQuote(quote, { kind: "given", ...spoil(changed) })), "the whole looks at the part");
  });
}
