/** Case folders: evidence in files with what is asked for, and policies as documents. */
export { type Case, CASE_KINDS, type CaseKind, parseCase } from "./case/case.ts";
export type { CaseInput } from "./case/input.ts";
export { COLLATERAL_ROLES } from "./case/parts.ts";
export { type CaseVerdict, judgeCase } from "./case/judge-case.ts";
export { parsePolicyDocument, type PolicyDocument } from "./case/policy-document.ts";
