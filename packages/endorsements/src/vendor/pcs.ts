import { hex, utf8 } from "@constellation/bytes";
import { type Collateral, parseQeIdentity, parseTcbInfo } from "@constellation/tdx";
import type { CachingClient } from "../cache/caching-client.ts";
import type { Answer } from "../cache/entry.ts";
import type { Resource } from "../cache/resource.ts";
import { EndorsementError } from "../error.ts";
import { serviceUrl } from "../http/service-url.ts";
import type { PckCa, TdxPlatform } from "../source.ts";
import { crlBytes, malformed, readCrl, readPemChain, reading } from "./forms.ts";
import { requireFmspc } from "./platform.ts";

/** A service that speaks Intel's PCS API v4. */
export interface PcsService {
  /** Without the paths of the API. */
  readonly baseUrl: string;
  /** Where the root CA's CRL is: not part of the API of Intel's own service. */
  readonly rootCaCrlUrl: string;
}

/** Intel's Provisioning Certification Service. */
export const INTEL_PCS: PcsService = {
  baseUrl: "https://api.trustedservices.intel.com",
  rootCaCrlUrl: "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der",
};

/** A Provisioning Certificate Caching Service at an address: it has the root CA's CRL beside the rest. */
export function pccs(baseUrl: string): PcsService {
  const base = serviceUrl(baseUrl);
  return { baseUrl: base, rootCaCrlUrl: `${base}/sgx/certification/v4/rootcacrl` };
}

/** Which of Intel's evaluations of TCBs is asked for. */
export type TcbEvaluation =
  /** "early" has what "standard" will have when the time for an update is over. */
  | { readonly kind: "update"; readonly update: "standard" | "early" }
  | { readonly kind: "tcbEvaluationDataNumber"; readonly tcbEvaluationDataNumber: number };

/** A signed thing and the PEM chain of its signer. */
interface WithIssuerChain {
  readonly body: Uint8Array;
  readonly issuerChain: Uint8Array;
}

/** Asks Intel's PCS or a PCCS for what TD quotes are verified with (Intel PCS API v4). Throws `EndorsementError`. */
export class PcsClient {
  readonly #client: CachingClient;
  readonly #base: string;
  readonly #rootCaCrlUrl: string;
  readonly #evaluation: string;

  constructor(client: CachingClient, { baseUrl, rootCaCrlUrl }: PcsService, evaluation: TcbEvaluation) {
    this.#client = client;
    this.#base = serviceUrl(baseUrl);
    this.#rootCaCrlUrl = serviceUrl(rootCaCrlUrl);
    this.#evaluation = evaluationQuery(evaluation);
  }

  /** All that a TD quote of the platform is verified with. */
  async collateral(platform: TdxPlatform, signal: AbortSignal): Promise<Collateral> {
    requireFmspc(platform);
    const tcbInfo = await this.#client.get(this.#tcbInfo(platform), signal);
    const qeIdentity = await this.#client.get(this.#qeIdentity(), signal);
    const pckCrl = await this.#client.get(this.#pckCrl(platform.ca), signal);
    const rootCaCrl = await this.#client.get(this.#rootCaCrl(), signal);
    return {
      tcbInfo: tcbInfo.body,
      tcbInfoIssuerChain: tcbInfo.issuerChain,
      qeIdentity: qeIdentity.body,
      qeIdentityIssuerChain: qeIdentity.issuerChain,
      rootCaCrl,
      pckCrl: pckCrl.body,
      pckCrlIssuerChain: pckCrl.issuerChain,
    };
  }

  /** Get TDX TCB Info. */
  #tcbInfo({ fmspc }: TdxPlatform): Resource<WithIssuerChain> {
    const name = `TDX TCB info of FMSPC ${hex(fmspc)}`;
    const url = `${this.#base}/tdx/certification/v4/tcb?fmspc=${hex(fmspc)}&${this.#evaluation}`;
    return withIssuerChain(url, name, "tcb-info-issuer-chain", (body) => ({
      body,
      nextUpdate: reading(name, () => parseTcbInfo(body)).nextUpdate,
    }));
  }

  /** Get TDX QE Identity. */
  #qeIdentity(): Resource<WithIssuerChain> {
    const name = "TDX QE identity";
    const url = `${this.#base}/tdx/certification/v4/qe/identity?${this.#evaluation}`;
    return withIssuerChain(url, name, "sgx-enclave-identity-issuer-chain", (body) => ({
      body,
      nextUpdate: reading(name, () => parseQeIdentity(body)).nextUpdate,
    }));
  }

  /** Get Revocation List. */
  #pckCrl(ca: PckCa): Resource<WithIssuerChain> {
    const name = `PCK CRL of the ${ca} CA`;
    const url = `${this.#base}/sgx/certification/v4/pckcrl?ca=${ca}&encoding=der`;
    return withIssuerChain(url, name, "sgx-pck-crl-issuer-chain", (answer) => {
      const body = crlBytes(name, answer);
      return { body, nextUpdate: readCrl(name, body).nextUpdate };
    });
  }

  #rootCaCrl(): Resource<Uint8Array> {
    const name = "CRL of Intel's root CA";
    const read = ({ body }: Answer) => {
      const value = crlBytes(name, body);
      return { value, validity: { kind: "until", nextUpdate: readCrl(name, value).nextUpdate } as const };
    };
    return { url: this.#rootCaCrlUrl, name, headers: [], read };
  }
}

function evaluationQuery(evaluation: TcbEvaluation): string {
  if (evaluation.kind === "update") return `update=${evaluation.update}`;
  const { tcbEvaluationDataNumber } = evaluation;
  if (Number.isSafeInteger(tcbEvaluationDataNumber) && tcbEvaluationDataNumber >= 0) {
    return `tcbEvaluationDataNumber=${tcbEvaluationDataNumber}`;
  }
  throw new EndorsementError(
    "platform_invalid",
    `Name TCB evaluation failed: got tcbEvaluationDataNumber ${tcbEvaluationDataNumber}, wanted a whole number`,
  );
}

/** Something whose signer's chain comes in a header: PEM, URL-encoded. */
function withIssuerChain(
  url: string,
  name: string,
  header: string,
  readBody: (body: Uint8Array) => { body: Uint8Array; nextUpdate: Date },
): Resource<WithIssuerChain> {
  const read = (answer: Answer) => {
    const { body, nextUpdate } = readBody(answer.body);
    const issuerChain = readIssuerChain(`issuer chain of ${name}`, answer.headers[header]);
    return { value: { body, issuerChain }, validity: { kind: "until", nextUpdate } as const };
  };
  return { url, name, headers: [header], read };
}

function readIssuerChain(name: string, header: string | undefined): Uint8Array {
  if (header === undefined) throw malformed(name, "no header", "one");
  const pem = utf8(decodeUrlEncoded(name, header));
  readPemChain(name, pem);
  return pem;
}

function decodeUrlEncoded(name: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw malformed(name, "another text", "URL-encoded PEM", { cause });
  }
}
