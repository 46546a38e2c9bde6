/** An answer that is an error, as S3 gives them. Messages go to the client: no secret, no plaintext. */
export class S3Error extends Error {
  override readonly name = "S3Error";
  readonly status: number;
  /** S3's error code, ours or the store's. */
  readonly code: string;
  /** Of the store's answer, where it has some that clients look at. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message: string,
    options: ErrorOptions & { readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message, options);
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
  }
}

/** Errors that several places give. */
export const s3Errors = {
  accessDenied: (why: string) => new S3Error(403, "AccessDenied", why),
  invalidArgument: (why: string) => new S3Error(400, "InvalidArgument", why),
  invalidRequest: (why: string) => new S3Error(400, "InvalidRequest", why),
  incompleteBody: (why: string) => new S3Error(400, "IncompleteBody", why),
  notImplemented: (what: string) => new S3Error(501, "NotImplemented", `${what} is not served by this proxy`),
  malformedXml: (why: string) => new S3Error(400, "MalformedXML", why),
  signature: () =>
    new S3Error(403, "SignatureDoesNotMatch", "The signature that was calculated does not match the one that came"),
} as const;
