import { constants, createPublicKey, type KeyObject, type VerifyKeyObjectInput, verify } from "node:crypto";
import { type Certificate, type Crl, parseCertificate, parseCrl, pemToDer } from "@constellation/x509";
import { parseReport } from "@constellation/sev-snp";
import { parseQeIdentity, parseQuote, parseTcbInfo } from "@constellation/tdx";
import { type Inputs, type Kind, file, pemBlocks } from "./inputs.ts";
import type { Work } from "./work.ts";

/** One signature, ready to be checked. */
interface Signature {
  readonly hash: string;
  readonly data: Uint8Array;
  /** PEM, the form of keys that costs node:crypto least. */
  readonly spki: string;
  readonly padding?: Omit<VerifyKeyObjectInput, "key">;
  readonly signature: Uint8Array;
}

/**
 * The bare signature checks of node:crypto that the evidence can't do without, each once: keys imported and data cut out
 * beforehand, no parsing, and not the roots' signatures over themselves.
 */
export function floor(inputs: Inputs): Work {
  const checks = SIGNATURES[inputs.kind](inputs).map((signature) => {
    const key = createPublicKey(signature.spki);
    return () => check(signature, key);
  });
  return () => checks.forEach((run) => run());
}

/** The same, but that the keys which come with the evidence are imported each time, each once, and the root's beforehand. */
export function floorWithKeys(inputs: Inputs): Work {
  const signatures = SIGNATURES[inputs.kind](inputs);
  const pinned = new Map(
    inputs.roots.map(certificateOf).map((root) => [pemOf(root.spki), createPublicKey(pemOf(root.spki))]),
  );
  return () => {
    const keys = new Map(pinned);
    for (const signature of signatures) {
      const key = keys.get(signature.spki) ?? createPublicKey(signature.spki);
      keys.set(signature.spki, key);
      check(signature, key);
    }
  };
}

function check({ hash, data, padding, signature }: Signature, key: KeyObject): void {
  const holds = verify(hash, data, padding === undefined ? key : { key, ...padding }, signature);
  if (!holds) throw new Error("Check signature failed: it does not hold");
}

const SIGNATURES: Readonly<Record<Kind, (inputs: Inputs) => Signature[]>> = {
  "sev-snp": ({ files, roots }) => {
    const [ark] = roots.map(certificateOf);
    const [ask] = pemBlocks(file(files, "ca_chain")).map(parseCertificate);
    const vcek = parseCertificate(file(files, "endorsement_cert"));
    const { signed, signature } = parseReport(file(files, "report"));
    return [issued(ask, ark), issued(vcek, ask), rawEcdsa("sha384", vcek, signed, bigEndian(signature))];
  },
  tdx: ({ files, roots }) => {
    const chainOf = (role: string): Certificate[] => pemBlocks(file(files, role)).map(parseCertificate);
    const [root] = roots.map(certificateOf);
    const quote = parseQuote(file(files, "quote"));
    const [pck, pckCa] = pemBlocks(quote.pckCertificateChain).map(parseCertificate);
    const [tcbSigner] = chainOf("tcb_info_issuer_chain");
    const tcbInfo = parseTcbInfo(file(files, "tcb_info"));
    const qeIdentity = parseQeIdentity(file(files, "qe_identity"));
    return [
      issued(pckCa, root),
      issued(pck, pckCa),
      rawEcdsa("sha256", pck, quote.qeReport.encoding, quote.qeReportSignature),
      {
        hash: "sha256",
        data: quote.signed,
        spki: attestationKey(quote.attestationKey),
        signature: derOf(quote.quoteSignature),
      },
      issued(tcbSigner, root),
      rawEcdsa("sha256", tcbSigner, tcbInfo.signed, tcbInfo.signature),
      rawEcdsa("sha256", tcbSigner, qeIdentity.signed, qeIdentity.signature),
      issued(parseCrl(file(files, "root_ca_crl")), root),
      issued(parseCrl(file(files, "pck_crl")), pckCa),
    ];
  },
  tpm: ({ files, roots }) => {
    const ak = parseCertificate(file(files, "ak_cert"));
    const issuers = [...pemBlocks(file(files, "ak_ca_chain")).map(parseCertificate), ...roots.map(certificateOf)];
    return [...upwards(ak, issuers), quoteSignature(ak, files)];
  },
};

function certificateOf(pem: Uint8Array): Certificate {
  return parseCertificate(pemToDer(Buffer.from(pem).toString()));
}

/** The signatures from a certificate up to one that signed itself. */
function upwards(certificate: Certificate, issuers: readonly Certificate[]): Signature[] {
  const issuer = issuers.find(({ subject }) => Buffer.compare(subject.der, certificate.issuer.der) === 0);
  if (issuer === undefined) throw new Error(`Find issuer failed: got none of "${certificate.issuer.text}", wanted one`);
  const isRoot = Buffer.compare(issuer.subject.der, issuer.issuer.der) === 0;
  return [issued(certificate, issuer), ...(isRoot ? [] : upwards(issuer, issuers))];
}

const HASHES: Readonly<Record<string, string>> = {
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.113549.1.1.11": "sha256",
  // RSASSA-PSS, as AMD uses it.
  "1.2.840.113549.1.1.10": "sha384",
};
const RSASSA_PSS = "1.2.840.113549.1.1.10";
const SALT_BYTES = 48;

/** What an issuer signed: a certificate or a CRL. */
function issued(signed: Certificate | Crl | undefined, issuer: Certificate | undefined): Signature {
  if (signed === undefined || issuer === undefined) throw new Error("Read case failed: a certificate is missing");
  const { oid } = signed.signatureAlgorithm;
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: SALT_BYTES };
  return {
    hash: HASHES[oid] ?? "unknown",
    data: signed.tbs,
    spki: pemOf(issuer.spki),
    ...(oid === RSASSA_PSS && { padding }),
    signature: signed.signature,
  };
}

/** A signature of r and s side by side. */
function rawEcdsa(hash: string, signer: Certificate | undefined, data: Uint8Array, signature: Uint8Array): Signature {
  if (signer === undefined) throw new Error("Read case failed: a certificate is missing");
  return { hash, data, spki: pemOf(signer.spki), signature: derOf(signature) };
}

function attestationKey(point: Uint8Array): string {
  const [x, y] = [point.subarray(0, 32), point.subarray(32)].map((part) => Buffer.from(part).toString("base64url"));
  const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x, y } as Record<string, string>, format: "jwk" });
  return key.export({ format: "pem", type: "spki" }).toString();
}

function pemOf(spki: Uint8Array): string {
  return `-----BEGIN PUBLIC KEY-----\n${Buffer.from(spki).toString("base64")}\n-----END PUBLIC KEY-----\n`;
}

/** SEQUENCE of r and s, the form that costs node:crypto least. */
function derOf(fixed: Uint8Array): Uint8Array {
  const integers = [fixed.subarray(0, fixed.length / 2), fixed.subarray(fixed.length / 2)].map((number) => {
    const digits = Buffer.from(number)
      .toString("hex")
      .replace(/^(?:00)+/, "");
    const contents = Buffer.from(/^[89a-f]/.test(digits) ? `00${digits}` : digits, "hex");
    return Buffer.concat([Buffer.of(0x02, contents.length), contents]);
  });
  const contents = Buffer.concat(integers);
  return Buffer.concat([Buffer.of(0x30, contents.length), contents]);
}

const P384_BYTES = 48;

function bigEndian({ r, s }: { readonly r: Uint8Array; readonly s: Uint8Array }): Uint8Array {
  return Buffer.concat([r, s].map((part) => Buffer.from(part.subarray(0, P384_BYTES)).reverse()));
}

/** TPMT_SIGNATURE: scheme, hash and length in two bytes each, then RSASSA-PKCS1-v1_5. */
const RSA_SIGNATURE_OFFSET = 6;

function quoteSignature(ak: Certificate, files: Inputs["files"]): Signature {
  const signature = file(files, "quote_sha256_sig").subarray(RSA_SIGNATURE_OFFSET);
  return { hash: "sha256", data: file(files, "quote_sha256_msg"), spki: pemOf(ak.spki), signature };
}
