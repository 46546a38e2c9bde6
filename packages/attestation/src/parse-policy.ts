import { parseCertificate, pemToDer, X509Error } from "@constellation/x509";
import { readValue, shown } from "@constellation/fields";
import { AttestationError, type PolicyFinding } from "./error.ts";
import { DIGEST_HEX, PCR_INDICES, type PcrIndex } from "./pcr-index.ts";
import {
  PLATFORM_VARIANTS,
  type PlatformPolicy,
  platformPolicyField,
  type PlatformVariant,
} from "./platform/variants.ts";
import type { EndorsementPolicy, PcrPolicy, Policy, QemuVtpmPolicy } from "./policy.ts";
import { parseStrictJson } from "./strict-json.ts";

const REASON = /^[^\p{C}]{1,200}$/u;
const DIGEST_WANTED = "64 lower-case hex digits";
/** What stands for a rule that could not be read; `checkPolicy` throws then. */
const UNREADABLE: PcrPolicy = { kind: "equal", anyOf: [] };
const NOBODY: EndorsementPolicy = { kind: "anyOf", ekDigests: [] };
const REASON_WANTED = "a reason of 1 to 200 printable characters";

/** Parses the JSON text of a policy. Throws `AttestationError` "policy_malformed" that lists every wrong field. */
export function parsePolicy(json: string): Policy {
  let value: unknown;
  try {
    value = parseStrictJson(json);
  } catch (cause) {
    const findings = [{ path: "", got: `${json.length} characters of other text`, wanted: "strict JSON" }];
    throw policyError(findings, { cause });
  }
  return checkPolicy(value);
}

/**
 * Checks that a value is a total policy and gives it with nothing else in it. Throws `AttestationError`
 * "policy_malformed" that lists every wrong field.
 */
export function checkPolicy(value: unknown): Policy {
  const platform = PLATFORM_VARIANTS.find((variant) => isObject(value) && value["variant"] === variant);
  if (platform !== undefined) return checkPlatformPolicy(platform, value);
  const reader = new PolicyReader();
  const policy = reader.readPolicy(value);
  if (reader.findings.length > 0) throw policyError(reader.findings);
  return policy;
}

function checkPlatformPolicy(variant: PlatformVariant, document: unknown): PlatformPolicy {
  const { value, findings } = readValue(platformPolicyField(variant), document);
  if (findings === undefined) return value;
  throw policyError([...findings]);
}

function policyError(findings: PolicyFinding[], options?: ErrorOptions): AttestationError {
  const list = findings.map(({ path, got, wanted }) => `${path || "policy"}: got ${got}, wanted ${wanted}`);
  return new AttestationError("policy_malformed", `Parse policy failed: ${list.join("; ")}`, { ...options, findings });
}

/** Reads on after a wrong field, so that all of them are found; what it gives counts only without findings. */
class PolicyReader {
  readonly findings: PolicyFinding[] = [];

  readPolicy(value: unknown): QemuVtpmPolicy {
    const fields = this.#object("", value, ["variant", "endorsementRoots", "pcrs", "endorsements"]);
    this.#oneOf("variant", fields["variant"], ["qemu-vtpm", ...PLATFORM_VARIANTS]);
    return {
      variant: "qemu-vtpm",
      endorsementRoots: this.#list("endorsementRoots", fields["endorsementRoots"], this.#root),
      pcrs: this.#readPcrs(fields["pcrs"]),
      endorsements: this.#readEndorsements(fields["endorsements"]),
    };
  }

  #readPcrs(value: unknown): Record<PcrIndex, PcrPolicy> {
    const fields = this.#object("pcrs", value, PCR_INDICES);
    const entries = PCR_INDICES.map((index) => [index, this.#readPcr(`pcrs.${index}`, fields[index])]);
    return Object.fromEntries(entries) as Record<PcrIndex, PcrPolicy>;
  }

  #readPcr(path: string, value: unknown): PcrPolicy {
    const kind = this.#kind(path, value, ["equal", "nonzero", "any"]);
    switch (kind) {
      case "equal": {
        const fields = this.#object(path, value, ["kind", "anyOf"]);
        return { kind, anyOf: this.#list(`${path}.anyOf`, fields["anyOf"], this.#digest) };
      }
      case "nonzero":
      case "any":
        return { kind, reason: this.#reason(path, value) };
      case undefined:
        return UNREADABLE;
    }
  }

  #readEndorsements(value: unknown): EndorsementPolicy {
    const path = "endorsements";
    const kind = this.#kind(path, value, ["anyOf", "anyOfRoots"]);
    switch (kind) {
      case "anyOf": {
        const fields = this.#object(path, value, ["kind", "ekDigests"]);
        return { kind, ekDigests: this.#list(`${path}.ekDigests`, fields["ekDigests"], this.#digest) };
      }
      case "anyOfRoots":
        return { kind, reason: this.#reason(path, value) };
      case undefined:
        return NOBODY;
    }
  }

  /** The member `kind`, where it is one of those wanted; it says which others there are. */
  #kind<K extends string>(path: string, value: unknown, kinds: readonly K[]): K | undefined {
    const fields = isObject(value) ? value : this.#object(path, value, []);
    return this.#oneOf(`${path}.kind`, fields["kind"], kinds);
  }

  #reason(path: string, value: unknown): string {
    const { reason } = this.#object(path, value, ["kind", "reason"]);
    return this.#text(`${path}.reason`, reason, REASON, REASON_WANTED);
  }

  #object(path: string, value: unknown, keys: readonly string[]): Record<string, unknown> {
    if (!isObject(value)) {
      this.#add(path, shown(value), "an object");
      return {};
    }
    for (const key of Object.keys(value)) {
      if (!keys.includes(key)) this.#add(join(path, key), "an unknown field", `only ${keys.join(", ")}`);
    }
    return value;
  }

  #list(path: string, value: unknown, readItem: (path: string, item: unknown) => string): string[] {
    if (Array.isArray(value)) return value.map((item, index) => readItem(`${path}.${index}`, item));
    this.#add(path, shown(value), "a list");
    return [];
  }

  readonly #digest = (path: string, value: unknown): string => this.#text(path, value, DIGEST_HEX, DIGEST_WANTED);

  readonly #root = (path: string, value: unknown): string => {
    try {
      if (typeof value === "string") parseCertificate(pemToDer(value));
      else this.#add(path, shown(value), "a PEM certificate");
    } catch (error) {
      if (!(error instanceof X509Error)) throw error;
      this.#add(path, error.message, "a PEM certificate");
    }
    return value as string;
  };

  #text(path: string, value: unknown, pattern: RegExp, wanted: string): string {
    if (typeof value === "string" && pattern.test(value)) return value;
    this.#add(path, shown(value), wanted);
    return "";
  }

  #oneOf<K extends string>(path: string, value: unknown, wanted: readonly K[]): K | undefined {
    const found = wanted.find((candidate) => candidate === value);
    if (found === undefined) this.#add(path, shown(value), wanted.map((text) => `"${text}"`).join(" or "));
    return found;
  }

  /** What is inside a part that is wrong as a whole is no finding of its own. */
  #add(path: string, got: string, wanted: string): void {
    const isCovered = this.findings.some((found) => found.path === "" || `${path}.`.startsWith(`${found.path}.`));
    if (!isCovered) this.findings.push({ path, got, wanted });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function join(path: string, key: string): string {
  const shownKey = JSON.stringify(key).slice(1, -1);
  return path === "" ? shownKey : `${path}.${shownKey}`;
}
