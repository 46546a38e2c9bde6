import { randomBytes } from "node:crypto";
import type { BoundNitroPolicy } from "@constellation/evidence";
import { type DocumentKind, isDebug, parseDocument } from "@constellation/nitro";
import { FakeNitro, type FieldChanges } from "@constellation/nitro/testing";
import { parseCertificate } from "@constellation/x509";
import { equal } from "../expect.ts";

const REGISTERS = 16;
const REGISTERS_FIELD = { enclave: "pcrs", nitrotpm: "nitrotpm_pcrs" } as const;

/** An enclave or an instance with a NitroTPM, under a fake AWS: documents of any claims. Its registers are random. */
export class FakeNitroInstance {
  readonly #nitro: FakeNitro;
  readonly #kind: DocumentKind;
  readonly #fields: FieldChanges;

  constructor(nitro: FakeNitro, kind: DocumentKind, fields: FieldChanges = {}) {
    const registers = Array.from({ length: REGISTERS }, (_, index) => [BigInt(index), random()] as const);
    this.#nitro = nitro;
    this.#kind = kind;
    this.#fields = { [REGISTERS_FIELD[kind]]: new Map(registers), ...fields };
  }

  /** A document, signed by a new certificate. */
  document(fields: FieldChanges = {}): Uint8Array {
    return this.#nitro.evidence({ kind: this.#kind, fields: { ...this.#fields, ...fields } }).document;
  }
}

function random(): Uint8Array {
  return new Uint8Array(randomBytes(48));
}

/** A total policy that pins everything that a document says, under one fake AWS. */
export function pinnedNitroPolicy(nitro: FakeNitro, bytes: Uint8Array): BoundNitroPolicy {
  const { document } = parseDocument(bytes);
  const time = new Date(document.timestampMs);
  const optional = (value: Uint8Array | undefined) => (value ? equal(value) : ({ kind: "absent" } as const));
  return {
    roots: [parseCertificate(nitro.root)],
    document: {
      kind: equal(document.kind),
      moduleId: equal(document.moduleId),
      timestamp: { kind: "between", earliest: time, latest: time },
      pcrs: new Map(Array.from(document.pcrs, ([index, value]) => [index, equal(value)])),
      debug: equal(isDebug(document)),
      publicKey: optional(document.publicKey),
      userData: optional(document.userData),
    },
  };
}
