import type { DocumentPolicy } from "../document-policy.ts";

/** A policy that accepts every genuine document with these registers. */
export function openPolicy(reason: string, indices: readonly number[]): DocumentPolicy {
  const any = { kind: "any", reason } as const;
  return {
    kind: any,
    moduleId: any,
    timestamp: any,
    pcrs: new Map(indices.map((index) => [index, any])),
    debug: any,
    publicKey: any,
    userData: any,
    nonce: any,
  };
}
