// @peculiar/x509 needs a metadata polyfill that is loaded before it.
import "reflect-metadata";
import { createHash, generateKeyPairSync, type KeyObject, sign, type webcrypto } from "node:crypto";
import {
  AK_TEMPLATE,
  computeName,
  type EccPublic,
  type QuoteAttest,
  selectPcrs,
  serializePublic,
  serializeQuoteAttest,
  serializeSignature,
  TPM_ALG,
  TPM_RH,
} from "@constellation/tpm2";
import * as x509 from "@peculiar/x509";

const ECDSA = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const DIGEST_BYTES = 32;
const COORDINATE_BYTES = 32;
const PCR_COUNT = 16;

/** The validity of every fake certificate that does not ask for another; tests judge at `FAKE_NOW`. */
export const FAKE_NOT_BEFORE = new Date("2025-01-01T00:00:00Z");
/** See `FAKE_NOT_BEFORE`. */
export const FAKE_NOT_AFTER = new Date("2035-01-01T00:00:00Z");
/** A time at which fake certificates are valid. */
export const FAKE_NOW = new Date("2026-01-01T00:00:00Z");

/** A use of a fake certificate's key. */
export type FakeKeyUsage = "digitalSignature" | "keyCertSign";

/** How a fake certificate differs from a good one. */
export interface FakeCertificateOptions {
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Subject alternative name URIs, given the right endorsement digest. */
  readonly uris?: (ekDigest: string) => readonly string[];
  readonly keyUsage?: readonly FakeKeyUsage[];
  readonly ca?: boolean;
}

/** How a fake TPM differs from a good one. */
export interface FakeTpmOptions extends FakeCertificateOptions {
  /** Changes to the public area of the attestation key. */
  readonly akPublic?: Partial<EccPublic>;
}

/** What a fake quote says; what is left out is as in a good one. */
export interface FakeEvidenceOptions {
  /** 64 bytes. */
  readonly reportData: Uint8Array;
  /** SHA-256 PCR values; those left out are as the event log leaves them, or zero. */
  readonly pcrs?: ReadonlyMap<number, Uint8Array>;
  readonly eventLog?: FakeEventLog;
  /** Changes to the structure before it is signed. */
  readonly quote?: Partial<QuoteAttest>;
}

/** An event of a fake log. */
export interface FakeEvent {
  readonly pcr: number;
  readonly data: string;
}

/** An event log, and the PCR values it leads to. */
export interface FakeEventLog {
  readonly bytes: Uint8Array;
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
}

/** Some events in each PCR that a boot of a node extends. */
export const FAKE_EVENTS: readonly FakeEvent[] = [0, 1, 2, 4, 4, 5, 7, 9, 11, 11, 12].map((pcr, index) => ({
  pcr,
  data: `fake event ${index}`,
}));

/** A TCG event log in the crypto-agile format with SHA-256 only, where each digest is that of the event's data. */
export function fakeEventLog(events: readonly FakeEvent[] = FAKE_EVENTS): FakeEventLog {
  const pcrs = new Map<number, Uint8Array>();
  const records = events.map(({ pcr, data }) => {
    const digest = sha256(Buffer.from(data));
    pcrs.set(pcr, sha256(pcrs.get(pcr) ?? new Uint8Array(DIGEST_BYTES), digest));
    const header = [u32le(pcr), u32le(EV_IPL), u32le(1), u16le(TPM_ALG.SHA256), digest, u32le(data.length)];
    return Buffer.concat([...header, Buffer.from(data)]);
  });
  return { bytes: new Uint8Array(Buffer.concat([specIdEvent(), ...records])), pcrs };
}

/** Makes a TPM maker's authority with a new key. */
export async function createFakeTpmCa(options: FakeCertificateOptions & { name?: string } = {}): Promise<FakeTpmCa> {
  const { publicKey, privateKey } = newKeyPair();
  const keys = {
    publicKey: publicKey.toCryptoKey(ECDSA, true, ["verify"]),
    privateKey: privateKey.toCryptoKey(ECDSA, true, ["sign"]),
  };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ O: ["Constellation FAKE"] }, { CN: [options.name ?? "Fake TPM CA"] }],
    notBefore: options.notBefore ?? FAKE_NOT_BEFORE,
    notAfter: options.notAfter ?? FAKE_NOT_AFTER,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(options.ca ?? true, undefined, true),
      keyUsage(options.keyUsage ?? ["keyCertSign"]),
    ],
  });
  return new FakeTpmCa(certificate, keys.privateKey);
}

/** A TPM maker's authority whose TPMs are software. */
export class FakeTpmCa {
  readonly certificatePem: string;
  readonly #certificate: x509.X509Certificate;
  readonly #signingKey: webcrypto.CryptoKey;

  constructor(certificate: x509.X509Certificate, signingKey: webcrypto.CryptoKey) {
    this.#certificate = certificate;
    this.#signingKey = signingKey;
    this.certificatePem = certificate.toString("pem");
  }

  /** Makes a TPM with new keys, and certifies its attestation key. */
  async createTpm(options: FakeTpmOptions = {}): Promise<FakeTpm> {
    const ek = newKeyPair();
    const ak = newKeyPair();
    const ekDigest = createHash("sha256")
      .update(ek.publicKey.export({ type: "spki", format: "der" }))
      .digest("hex");
    const certificate = await this.certifyKey(ak.publicKey, ekDigest, options);
    const akPublic = { ...AK_TEMPLATE, unique: pointOf(ak.publicKey), ...options.akPublic };
    return new FakeTpm(ak.privateKey, akPublic, certificate, ekDigest);
  }

  /** Certifies any attestation key, for example of a real TPM. DER. */
  async certifyKey(key: KeyObject, ekDigest: string, options: FakeCertificateOptions = {}): Promise<Uint8Array> {
    const uris = options.uris?.(ekDigest) ?? [`urn:constellation:ek-sha256:${ekDigest}`];
    const certificate = await x509.X509CertificateGenerator.create({
      subject: [{ O: ["Constellation FAKE"] }, { CN: ["Fake attestation key"] }],
      issuer: this.#certificate.subjectName,
      notBefore: options.notBefore ?? FAKE_NOT_BEFORE,
      notAfter: options.notAfter ?? FAKE_NOT_AFTER,
      publicKey: key.toCryptoKey(ECDSA, true, ["verify"]),
      signingKey: this.#signingKey,
      extensions: [
        new x509.BasicConstraintsExtension(options.ca ?? false, undefined, true),
        keyUsage(options.keyUsage ?? ["digitalSignature"]),
        ...(uris.length === 0
          ? []
          : [new x509.SubjectAlternativeNameExtension(uris.map((value) => ({ type: "url" as const, value })))]),
      ],
    });
    return new Uint8Array(certificate.rawData);
  }
}

/** A TPM whose attestation key is held by the test. */
export class FakeTpm {
  /** TPMT_PUBLIC of the attestation key. */
  readonly akPublic: EccPublic;
  /** DER. */
  readonly akCertificate: Uint8Array;
  /** SHA-256 of the endorsement key's SubjectPublicKeyInfo, hexadecimal. */
  readonly ekDigest: string;
  readonly #akPrivate: KeyObject;

  constructor(akPrivate: KeyObject, akPublic: EccPublic, akCertificate: Uint8Array, ekDigest: string) {
    this.#akPrivate = akPrivate;
    this.akPublic = akPublic;
    this.akCertificate = akCertificate;
    this.ekDigest = ekDigest;
  }

  /** Evidence of variant `qemu-vtpm`, bound to the report data. */
  evidence(options: FakeEvidenceOptions): Uint8Array {
    const log = options.eventLog ?? fakeEventLog();
    const pcrs = Array.from({ length: PCR_COUNT }, (_, index) => {
      return options.pcrs?.get(index) ?? log.pcrs.get(index) ?? new Uint8Array(DIGEST_BYTES);
    });
    const quote = serializeQuoteAttest({ ...this.#quote(options.reportData, pcrs), ...options.quote });
    const text = JSON.stringify({
      variant: "qemu-vtpm",
      akCertificate: base64(this.akCertificate),
      akPublic: base64(serializePublic(this.akPublic)),
      quote: base64(quote),
      signature: base64(this.sign(quote)),
      pcrs: Object.fromEntries(pcrs.map((value, index) => [index, Buffer.from(value).toString("hex")])),
      eventLog: base64(log.bytes),
    });
    return new Uint8Array(Buffer.from(text));
  }

  /** TPMT_SIGNATURE of the attestation key over any bytes, as no real restricted key would make. */
  sign(bytes: Uint8Array): Uint8Array {
    const joined = sign("sha256", bytes, { key: this.#akPrivate, dsaEncoding: "ieee-p1363" });
    return serializeSignature({
      sigAlg: TPM_ALG.ECDSA,
      hash: TPM_ALG.SHA256,
      r: joined.subarray(0, COORDINATE_BYTES),
      s: joined.subarray(COORDINATE_BYTES),
    });
  }

  #quote(reportData: Uint8Array, pcrs: readonly Uint8Array[]): QuoteAttest {
    return {
      qualifiedSigner: this.#qualifiedName(),
      extraData: sha256(reportData),
      clockInfo: { clock: 1_000_000n, resetCount: 1, restartCount: 0, safe: true },
      firmwareVersion: 0x2024n,
      pcrSelect: [selectPcrs(pcrs.keys())],
      pcrDigest: sha256(...pcrs),
    };
  }

  /** Name of a primary key in the endorsement hierarchy (TPM 2.0 Library, Part 1, 16). */
  #qualifiedName(): Uint8Array {
    const hierarchy = Buffer.alloc(4);
    hierarchy.writeUInt32BE(TPM_RH.ENDORSEMENT);
    return new Uint8Array(Buffer.concat([Buffer.of(0, TPM_ALG.SHA256), sha256(hierarchy, computeName(this.akPublic))]));
  }
}

const EV_NO_ACTION = 3;
const EV_IPL = 13;
const SHA1_BYTES = 20;

/** The first record, which names the digests of the others (TCG PC Client Platform Firmware Profile 1.06, 10.4.5.1). */
function specIdEvent(): Buffer {
  const event = Buffer.concat([
    Buffer.from("Spec ID Event03\0"),
    u32le(0),
    Buffer.of(0, 2, 0, 2),
    u32le(1),
    u16le(TPM_ALG.SHA256),
    u16le(DIGEST_BYTES),
    Buffer.of(0),
  ]);
  return Buffer.concat([u32le(0), u32le(EV_NO_ACTION), Buffer.alloc(SHA1_BYTES), u32le(event.length), event]);
}

function keyUsage(uses: readonly FakeKeyUsage[]): x509.KeyUsagesExtension {
  const flags = uses.reduce((sum, use) => sum | x509.KeyUsageFlags[use], 0);
  return new x509.KeyUsagesExtension(flags, true);
}

function newKeyPair(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function pointOf(key: KeyObject): { x: Uint8Array; y: Uint8Array } {
  const { x = "", y = "" } = key.export({ format: "jwk" });
  return { x: new Uint8Array(Buffer.from(x, "base64url")), y: new Uint8Array(Buffer.from(y, "base64url")) };
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(createHash("sha256").update(Buffer.concat(parts)).digest());
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}

function u16le(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function u32le(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
