/** Why endorsements could not be had, and what a user can do about each. */
const HINTS = {
  /** Bytes or numbers that name no platform or TCB. */
  platform_invalid: "take product, chip ID, TCB, FMSPC and CA from the evidence itself",
  /** The report does not name its chip. */
  chip_masked:
    "the host masks CHIP_ID: have it hand out the endorsement certificate with the report, or unmask the chip",
  /** An address that is not asked. */
  url_refused: "use an https address; plain http is for a caching service on this machine only",
  /** The environment names a proxy that cannot be used. */
  proxy_invalid: "set HTTPS_PROXY to an address like http://proxy.example:3128, or unset it",
  /** The caller ended it. */
  cancelled: "ask again when it is wanted",
  /** No connection, no name, no trusted TLS certificate, or a proxy that refused. */
  unreachable:
    "check the network, HTTPS_PROXY and NO_PROXY; a service with a private CA needs that CA given; without network, use a bundle",
  /** The answer took too long. */
  timeout: "check the network, and ask again later or use a bundle",
  /** The answer ended early. */
  truncated: "ask again; when it stays so, something between cuts answers off",
  /** The answer is longer than any real one. */
  too_large: "check the address: this is not the vendor's service, or something between changes its answers",
  /** The service sends elsewhere. */
  redirect_refused: "give the address that the service is at in the end",
  /** The service asks to slow down, and did so to the end. */
  rate_limited: "wait and ask again; a cache that is kept, a caching service or a bundle saves requests",
  /** The service failed to the end. */
  server_error: "ask again later, or use a bundle",
  /** The vendor has nothing about this platform. */
  unknown_platform:
    "check that product, chip and TCB, or FMSPC, are those of the evidence; a platform before its launch, or one that a caching service was not told of, is not known",
  /** Intel no longer publishes this tcbEvaluationDataNumber. */
  evaluation_gone: "ask for a newer tcbEvaluationDataNumber, or for the standard one",
  /** Another status than those above. */
  unexpected_status: "check the address, and that the service speaks the wanted version of its interface",
  /** A page for people in the place of an endorsement. */
  content_type:
    "something between answers with a page, such as the login of a network: sign in there or use another way",
  /** An answer or header that is not what was asked for. */
  malformed: "check the address; fetch anew without the cache; when it stays so, report it",
  /** An entry could not be put into the cache. */
  store: "make the cache's directory writable and have space on its disk",
  /** Not a bundle of endorsements. */
  bundle_malformed: "write the bundle anew",
  /** The bundle has nothing about this platform. */
  not_in_bundle: "write a bundle with this platform in it, or verify with a network",
} as const;

/** Why endorsements could not be had. */
export type EndorsementErrorCode = keyof typeof HINTS;

/** The one error of this package; see `EndorsementErrorCode`. */
export class EndorsementError extends Error {
  override readonly name = "EndorsementError";
  readonly code: EndorsementErrorCode;
  /** What to do about it. */
  readonly hint: string;
  /** How long the service wants to be left alone, where it says so. */
  readonly retryAfterMs: number | undefined;

  constructor(code: EndorsementErrorCode, message: string, details: ErrorOptions & { retryAfterMs?: number } = {}) {
    super(message, details);
    this.code = code;
    this.hint = HINTS[code];
    this.retryAfterMs = details.retryAfterMs;
  }
}

const TRANSIENT: ReadonlySet<EndorsementErrorCode> = new Set([
  "unreachable",
  "timeout",
  "truncated",
  "rate_limited",
  "server_error",
]);

/** Whether asking again may help. */
export function isTransient(error: unknown): error is EndorsementError {
  return error instanceof EndorsementError && TRANSIENT.has(error.code);
}
