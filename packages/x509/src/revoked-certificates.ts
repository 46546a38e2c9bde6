/** The serial numbers on a CRL, as places in its encoding: a list of many costs eight bytes for each. */
export class RevokedCertificates {
  readonly #bytes: Uint8Array;
  /** Start and end of each serial number in turn. */
  readonly #spans: Uint32Array;

  /** `bytes` must not be changed afterwards. */
  constructor(bytes: Uint8Array, spans: Uint32Array) {
    this.#bytes = bytes;
    this.#spans = spans;
  }

  /** How many certificates are listed. */
  get size(): number {
    return this.#spans.length / 2;
  }

  /** Whether a serial number is listed: the contents octets of its DER INTEGER, of which each value has one form. */
  has(serialNumber: Uint8Array): boolean {
    for (let i = 0; i < this.#spans.length; i += 2) {
      if (this.#equalAt(this.#spans[i] as number, this.#spans[i + 1] as number, serialNumber)) return true;
    }
    return false;
  }

  #equalAt(start: number, end: number, serialNumber: Uint8Array): boolean {
    if (end - start !== serialNumber.length) return false;
    for (let i = 0; i < serialNumber.length; i++) {
      if (this.#bytes[start + i] !== serialNumber[i]) return false;
    }
    return true;
  }
}
