/** TPM_ALG_ID (TPM 2.0 Library, Part 2, 6.3): the algorithms this package knows by name. */
export const TPM_ALG = {
  RSA: 0x0001,
  SHA1: 0x0004,
  AES: 0x0006,
  KEYEDHASH: 0x0008,
  SHA256: 0x000b,
  SHA384: 0x000c,
  SHA512: 0x000d,
  NULL: 0x0010,
  SM3_256: 0x0012,
  RSASSA: 0x0014,
  RSAES: 0x0015,
  RSAPSS: 0x0016,
  OAEP: 0x0017,
  ECDSA: 0x0018,
  ECC: 0x0023,
  CFB: 0x0043,
} as const;

/** The name of an algorithm without TPM_ALG_, for people; its number where it is none of these. */
export function algName(id: number): string {
  const known = Object.entries(TPM_ALG).find(([, value]) => value === id);
  return known?.[0] ?? `0x${id.toString(16).padStart(4, "0")}`;
}

/** TPM_ECC_CURVE (Part 2, 6.4). */
export const TPM_ECC = { NIST_P256: 0x0003, NIST_P384: 0x0004 } as const;

/** TPM_RH permanent handles (Part 2, 7.4). */
export const TPM_RH = {
  OWNER: 0x40000001,
  NULL: 0x40000007,
  PW: 0x40000009,
  LOCKOUT: 0x4000000a,
  ENDORSEMENT: 0x4000000b,
  PLATFORM: 0x4000000c,
} as const;

/** TPM_ST structure tags (Part 2, 6.9). */
export const TPM_ST = {
  NO_SESSIONS: 0x8001,
  SESSIONS: 0x8002,
  ATTEST_QUOTE: 0x8018,
} as const;

/** TPM_GENERATED_VALUE: the first four bytes of everything a TPM attests to (Part 2, 6.2). */
export const TPM_GENERATED_VALUE = 0xff544347;

/** TPMA_OBJECT bits (Part 2, 8.3). */
export const TPMA_OBJECT = {
  fixedTPM: 0x0000_0002,
  stClear: 0x0000_0004,
  fixedParent: 0x0000_0010,
  sensitiveDataOrigin: 0x0000_0020,
  userWithAuth: 0x0000_0040,
  adminWithPolicy: 0x0000_0080,
  noDA: 0x0000_0400,
  encryptedDuplication: 0x0000_0800,
  restricted: 0x0001_0000,
  decrypt: 0x0002_0000,
  sign: 0x0004_0000,
} as const;

/** TPMA_NV bits (Part 2, 13.4). */
export const TPMA_NV = {
  PPWRITE: 0x0000_0001,
  OWNERWRITE: 0x0000_0002,
  AUTHWRITE: 0x0000_0004,
  POLICYWRITE: 0x0000_0008,
  WRITELOCKED: 0x0000_0800,
  WRITEDEFINE: 0x0000_2000,
  PPREAD: 0x0001_0000,
  OWNERREAD: 0x0002_0000,
  AUTHREAD: 0x0004_0000,
  POLICYREAD: 0x0008_0000,
  NO_DA: 0x0200_0000,
  WRITTEN: 0x2000_0000,
  PLATFORMCREATE: 0x4000_0000,
} as const;

/** TPM_CAP capabilities (Part 2, 6.12). */
export const TPM_CAP = {
  ALGS: 0,
  HANDLES: 1,
  COMMANDS: 2,
  PCRS: 5,
  TPM_PROPERTIES: 6,
} as const;

/** TPM_SU startup types (Part 2, 6.10). */
export const TPM_SU = { CLEAR: 0x0000, STATE: 0x0001 } as const;
