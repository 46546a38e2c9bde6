import { BOUND_TDX_POLICY, type BoundTdxPolicy, judgeTdx, type TdxParts } from "@constellation/evidence";
import { blob, nullable, object } from "@constellation/fields";
import type { Collateral } from "@constellation/tdx";
import type { Part } from "./part.ts";

const DOCUMENT = blob(128 * 1024);
const CHAIN = blob(32 * 1024);

const COLLATERAL = object<Collateral>({
  tcbInfo: DOCUMENT,
  tcbInfoIssuerChain: CHAIN,
  qeIdentity: DOCUMENT,
  qeIdentityIssuerChain: CHAIN,
  rootCaCrl: DOCUMENT,
  pckCrl: DOCUMENT,
  pckCrlIssuerChain: CHAIN,
});

/** Fields of a TDX quote and what comes along with it. */
export const TDX_FIELDS = {
  quote: blob(32 * 1024),
  collateral: nullable(COLLATERAL),
  ccel: nullable(blob(512 * 1024)),
};

/** A TDX quote that is bound to the channel by its REPORTDATA. */
export const TDX_PART: Part<TdxParts, BoundTdxPolicy> = {
  evidence: object<TdxParts>(TDX_FIELDS),
  policy: BOUND_TDX_POLICY,
  judge: (evidence, policy, { reportData }, now) => {
    const quote = { ...policy.quote, REPORTDATA: { kind: "equal", value: reportData } as const };
    return judgeTdx(evidence, { ...policy, quote }, now);
  },
};
