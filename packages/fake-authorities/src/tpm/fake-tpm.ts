import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { concat, fromBase64 } from "@constellation/bytes";
import {
  AK_TEMPLATE,
  computeName,
  type QuoteAttest,
  type RsaPublic,
  selectPcrs,
  serializePublic,
  serializeQuoteAttest,
  serializeSignature,
  TPM_ALG,
  TPM_RH,
  type TpmtPublic,
} from "@constellation/tpm2";
import { BANKS, type FakeBank } from "./event-log.ts";

/** What a fake quote is to say. */
export interface FakeQuoteRequest {
  readonly qualifyingData: Uint8Array;
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  /** SHA-256 where nothing is said. */
  readonly bank?: FakeBank;
  /** Changes to the structure before it is signed. */
  readonly changes?: Partial<QuoteAttest>;
}

/** A TPM whose attestation and endorsement key are held by the test. */
export class FakeTpm {
  /** The public area of the attestation key. */
  readonly akPublic: TpmtPublic;
  readonly akKey: KeyObject;
  readonly ekKey: KeyObject;
  readonly #akPrivate: KeyObject;

  /** Confidential machines of Azure have RSA keys; `objectAttributes` makes an attestation key of another kind. */
  constructor(kind: "ecc" | "rsa" = "ecc", { objectAttributes = AK_TEMPLATE.objectAttributes } = {}) {
    const ak =
      kind === "rsa"
        ? generateKeyPairSync("rsa", { modulusLength: 2048 })
        : generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.akKey = ak.publicKey;
    this.#akPrivate = ak.privateKey;
    this.akPublic = { ...(kind === "rsa" ? rsaArea(ak.publicKey) : eccArea(ak.publicKey)), objectAttributes };
    this.ekKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey;
  }

  /** TPMT_PUBLIC of the attestation key. */
  get akPublicBytes(): Uint8Array {
    return serializePublic(this.akPublic);
  }

  /** A TPMS_ATTEST and the attestation key's TPMT_SIGNATURE over it. */
  quote({ qualifyingData, pcrs, bank = "sha256", changes }: FakeQuoteRequest): {
    readonly quote: Uint8Array;
    readonly signature: Uint8Array;
    readonly pcrs: ReadonlyMap<number, Uint8Array>;
  } {
    const quote = serializeQuoteAttest({
      qualifiedSigner: this.#qualifiedName(),
      extraData: qualifyingData,
      clockInfo: { clock: 1_000_000n, resetCount: 1, restartCount: 0, safe: true },
      firmwareVersion: 0x2024n,
      pcrSelect: [selectPcrs(pcrs.keys(), BANKS[bank].id)],
      pcrDigest: sha256(...pcrs.values()),
      ...changes,
    });
    return { quote, signature: this.sign(quote), pcrs };
  }

  /** TPMT_SIGNATURE of the attestation key over any bytes, as no real restricted key would make. */
  sign(bytes: Uint8Array): Uint8Array {
    const signature = new Uint8Array(sign("sha256", bytes, { key: this.#akPrivate, dsaEncoding: "ieee-p1363" }));
    const hash = TPM_ALG.SHA256;
    if (this.akPublic.type === TPM_ALG.RSA) {
      return serializeSignature({ sigAlg: TPM_ALG.RSASSA, hash, sig: signature });
    }
    const [r, s] = [signature.subarray(0, 32), signature.subarray(32)];
    return serializeSignature({ sigAlg: TPM_ALG.ECDSA, hash, r, s });
  }

  /** Name of a primary key in the endorsement hierarchy (TPM 2.0 Library, Part 1, 16). */
  #qualifiedName(): Uint8Array {
    const hierarchy = new Uint8Array(4);
    new DataView(hierarchy.buffer).setUint32(0, TPM_RH.ENDORSEMENT);
    return concat(Uint8Array.of(0, TPM_ALG.SHA256), sha256(hierarchy, computeName(this.akPublic)));
  }
}

/** Big-endian modulus and exponent of an RSA key, without leading zeros. */
export function rsaNumbers(key: KeyObject): { readonly n: string; readonly e: string } {
  const { n, e } = key.export({ format: "jwk" }) as { n: string; e: string };
  return { n, e };
}

function eccArea(key: KeyObject): TpmtPublic {
  const { x, y } = key.export({ format: "jwk" }) as { x: string; y: string };
  return { ...AK_TEMPLATE, unique: { x: fromBase64Url(x), y: fromBase64Url(y) } };
}

function rsaArea(key: KeyObject): RsaPublic {
  const { nameAlg, objectAttributes, authPolicy, parameters } = AK_TEMPLATE;
  const scheme = { scheme: TPM_ALG.RSASSA, hashAlg: TPM_ALG.SHA256 };
  return {
    type: TPM_ALG.RSA,
    nameAlg,
    objectAttributes,
    authPolicy,
    parameters: { symmetric: parameters.symmetric, scheme, keyBits: 2048, exponent: 0 },
    unique: fromBase64Url(rsaNumbers(key).n),
  };
}

function fromBase64Url(text: string): Uint8Array {
  const padded = text.padEnd(Math.ceil(text.length / 4) * 4, "=");
  return fromBase64(padded.replaceAll("-", "+").replaceAll("_", "/"));
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(
    createHash("sha256")
      .update(concat(...parts))
      .digest(),
  );
}
