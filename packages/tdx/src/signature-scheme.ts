/** How all of Intel's keys sign: ECDSA on P-256 with SHA-256, r and s of 32 bytes each, big-endian. */
export const ECDSA_P256 = { kind: "ecdsa", hash: "sha256", encoding: "fixed" } as const;
