import { type Field, findingsText, type Json, oneOf, readJson, shown } from "@constellation/fields";
import { EvidenceError } from "../error.ts";
import { CASE_KINDS, type CaseKind } from "./case.ts";

/** A total policy for evidence of a kind, as a document. */
export interface PolicyDocument {
  readonly schema: 1;
  readonly kind: CaseKind;
  readonly policy: Json;
}

const DOCUMENT: Field<PolicyDocument> = {
  read(reader, path, value) {
    const members = reader.object(path, value, ["schema", "kind", "policy"]);
    if (members["schema"] !== 1) reader.add("schema", shown(members["schema"]), "1");
    const kind = oneOf(CASE_KINDS).read(reader, "kind", members["kind"]);
    // What is inside is read by its kind.
    return { schema: 1, kind, policy: (members["policy"] ?? null) as Json };
  },
  write: ({ schema, kind, policy }) => ({ schema, kind, policy }),
};

/** Reads a policy document; what is inside is read when it is used. @throws EvidenceError `policy_malformed` */
export function parsePolicyDocument(json: Uint8Array): PolicyDocument {
  const { value, findings } = readJson(DOCUMENT, json);
  if (findings === undefined) return value;
  throw new EvidenceError("policy_malformed", `Read policy failed: ${findingsText("policy", findings)}`, { findings });
}
