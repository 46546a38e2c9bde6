/** For tests: a fake Nitro attestation PKI. */
export { type Changes, FakeNitro, type FieldChanges, NOW, pcr } from "./fake-nitro.ts";
