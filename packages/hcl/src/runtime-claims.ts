import { fromBase64, fromHex } from "@constellation/bytes";
import { isObject, type JsonObject, parseStrictJsonObject } from "@constellation/json";
import { HclError } from "./error.ts";

/** An RSA key of the virtual TPM, as in a JSON Web Key (RFC 7517). */
export interface HclKey {
  readonly kid: string;
  /** Big-endian, without leading zeros. */
  readonly modulus: Uint8Array;
  readonly exponent: Uint8Array;
}

/** Settings of the machine, as the paravisor states them. */
export type VmConfiguration = JsonObject;

/** What the paravisor says of the machine, bound to the hardware's evidence by its hash. */
export interface RuntimeClaims {
  /** The attestation key, `HCLAkPub`. */
  readonly ak: HclKey;
  /** The endorsement key, `HCLEkPub`, where it is stated. */
  readonly ek: HclKey | undefined;
  readonly vmConfiguration: VmConfiguration;
  /** 64 bytes that the guest chose, where they are stated. */
  readonly userData: Uint8Array | undefined;
}

const AK = "HCLAkPub";
const EK = "HCLEkPub";
/** A key is told by its name. Older paravisors call the attestation key one that encrypts, though it signs quotes. */
const AK_OPERATIONS = ["sign", "encrypt"];
const EK_OPERATIONS = ["encrypt"];
const USER_DATA_BYTES = 64;

/** Parses the runtime claims of a report. Members that are not known are left alone. @throws HclError `hcl_claims` */
export function parseRuntimeClaims(variableData: Uint8Array): RuntimeClaims {
  return readClaims(decoded(() => parseStrictJsonObject(variableData), "document"));
}

function readClaims(document: JsonObject): RuntimeClaims {
  const keys = document["keys"];
  if (!Array.isArray(keys)) throw malformed("keys", "no list", "a list");
  const vmConfiguration = document["vm-configuration"];
  if (!isObject(vmConfiguration)) throw malformed("vm-configuration", "no object", "an object");
  const ak = readKey(keys, AK, AK_OPERATIONS);
  if (ak === undefined) throw malformed("keys", `no ${AK}`, "one");
  return { ak, ek: readKey(keys, EK, EK_OPERATIONS), vmConfiguration, userData: readUserData(document["user-data"]) };
}

/** Exactly one key has the name, so that nobody can choose between two. */
function readKey(keys: readonly unknown[], kid: string, allowed: readonly string[]): HclKey | undefined {
  const [key, ...others] = keys.filter(isObject).filter((candidate) => candidate["kid"] === kid);
  if (key === undefined) return undefined;
  if (others.length > 0) throw malformed("keys", `${others.length + 1} times ${kid}`, "one");
  const { kty, key_ops: operations, n, e } = key;
  if (kty !== "RSA") throw malformed(`${kid}.kty`, "another", "RSA");
  if (!Array.isArray(operations) || operations.length !== 1 || !allowed.includes(operations[0] as string)) {
    throw malformed(`${kid}.key_ops`, "others", allowed.join(" or "));
  }
  return { kid, modulus: readNumber(n, `${kid}.n`), exponent: readNumber(e, `${kid}.e`) };
}

/** Base64urlUInt (RFC 7518 section 2). */
function readNumber(value: unknown, field: string): Uint8Array {
  if (typeof value !== "string" || !/^[\w-]+$/.test(value)) throw malformed(field, "no base64url text", "one");
  const text = value.replaceAll("-", "+").replaceAll("_", "/");
  const bytes = decoded(() => fromBase64(text.padEnd(Math.ceil(text.length / 4) * 4, "=")), field);
  if (bytes[0] === 0) throw malformed(field, "a leading zero", "the shortest form");
  return bytes;
}

function readUserData(value: unknown): Uint8Array | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "string") throw malformed("user-data", "no text", "hexadecimal text");
  const bytes = decoded(() => fromHex(value.toLowerCase()), "user-data");
  if (bytes.length !== USER_DATA_BYTES) throw malformed("user-data", `${bytes.length} bytes`, `${USER_DATA_BYTES}`);
  return bytes;
}

function decoded<T>(decode: () => T, field: string): T {
  try {
    return decode();
  } catch (cause) {
    throw new HclError("hcl_claims", `Parse HCL runtime claims failed: ${field}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function malformed(field: string, got: string, wanted: string): HclError {
  return new HclError("hcl_claims", `Parse HCL runtime claims failed: ${field}: got ${got}, wanted ${wanted}`);
}
