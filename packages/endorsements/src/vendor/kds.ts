import { caChainUrl, crlUrl, type EndorsementKind, type Product } from "@constellation/sev-snp";
import type { CachingClient } from "../cache/caching-client.ts";
import { serviceUrl } from "../http/service-url.ts";
import type { SevSnpEndorsements, SevSnpPlatform } from "../source.ts";
import { malformed, readCertificate, readCrl, readPemChain } from "./forms.ts";
import { vcekUrlOf } from "./platform.ts";

/** AMD's Key Distribution Service. */
export const AMD_KDS = "https://kdsintf.amd.com";

/** A cert_chain has ASK or ASVK, and ARK (AMD 57230 section 4.2). */
const CHAIN_LENGTH = 2;

/** Asks AMD's Key Distribution Service (AMD 57230 chapter 4), or a mirror of it. Methods throw `EndorsementError`. */
export class KdsClient {
  readonly #client: CachingClient;
  readonly #base: string;

  constructor(client: CachingClient, kdsUrl: string) {
    this.#client = client;
    this.#base = serviceUrl(kdsUrl);
  }

  /** All that a report of the platform is verified with. */
  async endorsements(platform: SevSnpPlatform, signal: AbortSignal): Promise<SevSnpEndorsements> {
    const { product, kind } = platform;
    const endorsementCert = kind === "VCEK" ? await this.vcek(platform, signal) : undefined;
    const caChain = await this.caChain(kind, product, signal);
    const crls = [await this.crl(kind, product, signal)];
    return { ...(endorsementCert && { endorsementCert }), caChain, crls };
  }

  /** The VCEK certificate, DER. There is one for a chip at a TCB. */
  vcek(platform: SevSnpPlatform, signal: AbortSignal): Promise<Uint8Array> {
    const name = `VCEK certificate of ${platform.product}`;
    const read = ({ body }: { body: Uint8Array }) => {
      readCertificate(name, body);
      return { value: body, validity: { kind: "forever" } as const };
    };
    return this.#client.get({ url: this.#at(vcekUrlOf(platform)), name, headers: [], read }, signal);
  }

  /** ASK or ASVK, then ARK, DER. */
  caChain(kind: EndorsementKind, product: Product, signal: AbortSignal): Promise<readonly Uint8Array[]> {
    const name = `${kind} certificate chain of ${product}`;
    const read = ({ body }: { body: Uint8Array }) => {
      const value = readPemChain(name, body);
      if (value.length !== CHAIN_LENGTH) throw malformed(name, `${value.length} certificates`, `${CHAIN_LENGTH}`);
      return { value, validity: { kind: "day" } as const };
    };
    return this.#client.get({ url: this.#at(caChainUrl(kind, product)), name, headers: [], read }, signal);
  }

  /** The CRL of the ARK, DER. */
  crl(kind: EndorsementKind, product: Product, signal: AbortSignal): Promise<Uint8Array> {
    const name = `${kind} CRL of ${product}`;
    const read = ({ body }: { body: Uint8Array }) => {
      const { nextUpdate } = readCrl(name, body);
      return { value: body, validity: { kind: "until", nextUpdate } as const };
    };
    return this.#client.get({ url: this.#at(crlUrl(kind, product)), name, headers: [], read }, signal);
  }

  #at(url: string): string {
    const { pathname, search } = new URL(url);
    return `${this.#base}${pathname}${search}`;
  }
}
