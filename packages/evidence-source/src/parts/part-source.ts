/** Gathers one part of evidence, bound to 64 bytes of report data. Throws `EvidenceSourceError`. */
export type PartSource<T> = (reportData: Uint8Array, signal: AbortSignal) => Promise<T>;
