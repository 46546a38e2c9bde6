import { TpmError } from "./error.ts";

type CodeTable = ReadonlyMap<number, readonly [name: string, words: string]>;

/** RC_VER1 codes (Part 2, 6.6.3): not tied to a parameter. */
const VERSION1: CodeTable = new Map([
  [0x100, ["TPM_RC_INITIALIZE", "the TPM was not started with TPM2_Startup, or was started already"]],
  [0x101, ["TPM_RC_FAILURE", "the TPM is in failure mode"]],
  [0x103, ["TPM_RC_SEQUENCE", "a sequence handle was used wrongly"]],
  [0x10b, ["TPM_RC_PRIVATE", "the private area is not from this TPM"]],
  [0x119, ["TPM_RC_HMAC", "an HMAC handle was used wrongly"]],
  [0x120, ["TPM_RC_DISABLED", "the command is disabled"]],
  [0x121, ["TPM_RC_EXCLUSIVE", "an audit session was not exclusive"]],
  [0x124, ["TPM_RC_AUTH_TYPE", "the handle does not take this kind of authorisation"]],
  [0x125, ["TPM_RC_AUTH_MISSING", "the command needs an authorisation"]],
  [0x126, ["TPM_RC_POLICY", "the policy is of the wrong form"]],
  [0x127, ["TPM_RC_PCR", "the PCR cannot be used this way"]],
  [0x128, ["TPM_RC_PCR_CHANGED", "a PCR changed since the policy was checked"]],
  [0x12d, ["TPM_RC_UPGRADE", "the TPM is being upgraded"]],
  [0x12e, ["TPM_RC_TOO_MANY_CONTEXTS", "too many saved contexts"]],
  [0x12f, ["TPM_RC_AUTH_UNAVAILABLE", "the authorisation of this entity cannot be used"]],
  [0x130, ["TPM_RC_REBOOT", "the TPM needs a restart"]],
  [0x131, ["TPM_RC_UNBALANCED", "hash and key sizes do not go together"]],
  [0x142, ["TPM_RC_COMMAND_SIZE", "the command's size field is wrong"]],
  [0x143, ["TPM_RC_COMMAND_CODE", "the TPM does not have this command"]],
  [0x144, ["TPM_RC_AUTHSIZE", "the authorisation area's size is wrong"]],
  [0x145, ["TPM_RC_AUTH_CONTEXT", "the command takes no authorisation"]],
  [0x146, ["TPM_RC_NV_RANGE", "the access is outside the NV index"]],
  [0x147, ["TPM_RC_NV_SIZE", "the NV index is larger than the TPM can hold"]],
  [0x148, ["TPM_RC_NV_LOCKED", "the NV index is locked"]],
  [0x149, ["TPM_RC_NV_AUTHORIZATION", "this authorisation does not allow the access to the NV index"]],
  [0x14a, ["TPM_RC_NV_UNINITIALIZED", "the NV index was never written"]],
  [0x14b, ["TPM_RC_NV_SPACE", "the TPM has no more NV space"]],
  [0x14c, ["TPM_RC_NV_DEFINED", "the NV index exists already"]],
  [0x150, ["TPM_RC_BAD_CONTEXT", "the context cannot be loaded"]],
  [0x151, ["TPM_RC_CPHASH", "the command is not the one the policy allows"]],
  [0x152, ["TPM_RC_PARENT", "the parent handle is not a storage key"]],
  [0x153, ["TPM_RC_NEEDS_TEST", "the function was not tested yet"]],
  [0x154, ["TPM_RC_NO_RESULT", "the TPM has no result"]],
  [0x155, ["TPM_RC_SENSITIVE", "the sensitive area does not fit the public area"]],
]);

/** RC_FMT1 codes (Part 2, 6.6.3): tied to a handle, session or parameter. */
const FORMAT1: CodeTable = new Map([
  [0x01, ["TPM_RC_ASYMMETRIC", "the asymmetric algorithm is not supported or not right here"]],
  [0x02, ["TPM_RC_ATTRIBUTES", "the attributes are inconsistent"]],
  [0x03, ["TPM_RC_HASH", "the hash algorithm is not supported or not right here"]],
  [0x04, ["TPM_RC_VALUE", "the value is out of range or not right here"]],
  [0x05, ["TPM_RC_HIERARCHY", "the hierarchy is not enabled or not right here"]],
  [0x07, ["TPM_RC_KEY_SIZE", "the key size is not supported"]],
  [0x08, ["TPM_RC_MGF", "the mask generation function is not supported"]],
  [0x09, ["TPM_RC_MODE", "the mode is not supported"]],
  [0x0a, ["TPM_RC_TYPE", "the type is not right here"]],
  [0x0b, ["TPM_RC_HANDLE", "the handle does not exist or is not right here"]],
  [0x0c, ["TPM_RC_KDF", "the key derivation function is not supported"]],
  [0x0d, ["TPM_RC_RANGE", "the value is out of range"]],
  [0x0e, ["TPM_RC_AUTH_FAIL", "the authorisation is wrong, and the failure counts towards the lockout"]],
  [0x0f, ["TPM_RC_NONCE", "the nonce's size is wrong"]],
  [0x10, ["TPM_RC_PP", "physical presence is needed"]],
  [0x12, ["TPM_RC_SCHEME", "the scheme is not supported or not right here"]],
  [0x15, ["TPM_RC_SIZE", "the size is wrong"]],
  [0x16, ["TPM_RC_SYMMETRIC", "the symmetric algorithm is not supported or not right here"]],
  [0x17, ["TPM_RC_TAG", "the structure tag is wrong"]],
  [0x18, ["TPM_RC_SELECTOR", "the union selector is wrong"]],
  [0x1a, ["TPM_RC_INSUFFICIENT", "the structure is truncated"]],
  [0x1b, ["TPM_RC_SIGNATURE", "the signature is not valid"]],
  [0x1c, ["TPM_RC_KEY", "the key's fields do not go together"]],
  [0x1d, ["TPM_RC_POLICY_FAIL", "the policy was not satisfied"]],
  [0x1f, ["TPM_RC_INTEGRITY", "the integrity check failed"]],
  [0x20, ["TPM_RC_TICKET", "the ticket is not valid"]],
  [0x21, ["TPM_RC_RESERVED_BITS", "reserved bits are set"]],
  [0x22, ["TPM_RC_BAD_AUTH", "the authorisation is wrong"]],
  [0x23, ["TPM_RC_EXPIRED", "the policy has expired"]],
  [0x24, ["TPM_RC_POLICY_CC", "the policy is for another command"]],
  [0x25, ["TPM_RC_BINDING", "public and sensitive parts are not of one key"]],
  [0x26, ["TPM_RC_CURVE", "the curve is not supported"]],
  [0x27, ["TPM_RC_ECC_POINT", "the point is not on the curve"]],
]);

/** RC_WARN codes (Part 2, 6.6.3): the command may succeed later. */
const WARNINGS: CodeTable = new Map([
  [0x901, ["TPM_RC_CONTEXT_GAP", "a context gap must be closed"]],
  [0x902, ["TPM_RC_OBJECT_MEMORY", "the TPM has no room for another object"]],
  [0x903, ["TPM_RC_SESSION_MEMORY", "the TPM has no room for another session"]],
  [0x904, ["TPM_RC_MEMORY", "the TPM is out of memory"]],
  [0x905, ["TPM_RC_SESSION_HANDLES", "no session handle is free"]],
  [0x906, ["TPM_RC_OBJECT_HANDLES", "no object handle is free"]],
  [0x907, ["TPM_RC_LOCALITY", "the locality is not allowed"]],
  [0x908, ["TPM_RC_YIELDED", "the TPM suspended the command"]],
  [0x909, ["TPM_RC_CANCELED", "the command was cancelled"]],
  [0x90a, ["TPM_RC_TESTING", "the TPM is testing itself"]],
  [0x910, ["TPM_RC_REFERENCE_H0", "the first handle is not loaded"]],
  [0x911, ["TPM_RC_REFERENCE_H1", "the second handle is not loaded"]],
  [0x912, ["TPM_RC_REFERENCE_H2", "the third handle is not loaded"]],
  [0x918, ["TPM_RC_REFERENCE_S0", "the first session is not loaded"]],
  [0x919, ["TPM_RC_REFERENCE_S1", "the second session is not loaded"]],
  [0x920, ["TPM_RC_NV_RATE", "the TPM limits the rate of NV writes"]],
  [0x921, ["TPM_RC_LOCKOUT", "the TPM is locked after too many wrong authorisations"]],
  [0x922, ["TPM_RC_RETRY", "the TPM could not start the command and wants it again"]],
  [0x923, ["TPM_RC_NV_UNAVAILABLE", "NV memory cannot be written now"]],
]);

const FORMAT1_BIT = 0x080;
const PARAMETER_BIT = 0x040;
const SESSION_BIT = 0x800;
const UNKNOWN: readonly [string, string] = ["TPM_RC_UNKNOWN", "the response code is not known"];

/** A TPM_RC taken apart. */
export interface ResponseCode {
  /** For example `TPM_RC_VALUE`. */
  readonly name: string;
  /** What it means, in words. */
  readonly words: string;
  /** What it is about, for example `parameter 1`; absent where the code is not tied to one thing. */
  readonly subject?: string;
}

/** Takes a TPM_RC apart (Part 2, 6.6.2). */
export function describeResponseCode(code: number): ResponseCode {
  if ((code & FORMAT1_BIT) === 0) {
    const [name, words] = VERSION1.get(code) ?? WARNINGS.get(code) ?? UNKNOWN;
    return { name, words };
  }
  const [name, words] = FORMAT1.get(code & 0x3f) ?? UNKNOWN;
  return { name, words, subject: subjectOf(code) };
}

/** The error for an unsuccessful answer to `command`. */
export function responseError(command: string, code: number): TpmError {
  const { name, words, subject } = describeResponseCode(code);
  const about = subject === undefined ? "" : `, ${subject}`;
  const message = `${command} failed: got ${name} (0x${code.toString(16)}${about}): ${words}`;
  return new TpmError("response", message, { responseCode: code, responseName: name });
}

function subjectOf(code: number): string {
  if (code & PARAMETER_BIT) return `parameter ${(code >> 8) & 0xf}`;
  const number = (code >> 8) & 0x7;
  return code & SESSION_BIT ? `session ${number}` : `handle ${number}`;
}
