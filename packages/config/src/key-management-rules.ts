import { KmsError, validateClusterUris } from "@constellation/kms/root";
import type { Finding } from "./finding.ts";

// The messages of KmsError: operation, field where there is one, got, wanted.
const MESSAGE = /^(?:Parse (kms|storage):\/\/[a-z0-9-]+|.*?) failed: (?:(\w+): )?got (.*), wanted (.*)$/s;

/** Rules between the URIs of a cluster's external KMS and the files that go with them. */
export function keyManagementRules(section: Readonly<Record<string, unknown>>): Finding[] {
  const { kms, storage = "", credentials = {} } = section;
  if (typeof kms !== "string" || typeof storage !== "string") return [];
  if (typeof credentials !== "object" || credentials === null || Array.isArray(credentials)) return [];
  try {
    validateClusterUris({ kms, storage }, Object.keys(credentials));
    return [];
  } catch (error) {
    if (error instanceof KmsError) return [findingOf(error)];
    throw error;
  }
}

function findingOf({ message }: KmsError): Finding {
  const [, scheme, field, got, wanted] = MESSAGE.exec(message) ?? [];
  const where = scheme ?? (field === "credentials" ? undefined : /"storage:/.test(message) ? "storage" : "kms");
  const path = ["keyManagement", ...(where === undefined ? [] : [where]), ...(field === undefined ? [] : [field])];
  return { path: path.join("."), got: got ?? message, wanted: wanted ?? "another value" };
}
