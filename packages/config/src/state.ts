import { stringify } from "yaml";
import { ConfigError } from "./errors.ts";
import type { Finding } from "./finding.ts";
import { check } from "./schema.ts";
import { type State, stateSchema } from "./state-schema.ts";
import { STATE_FILE, STATE_VERSION } from "./constants.ts";
import { parseStrictYaml } from "./yaml-document.ts";

const SECRET_PATHS: ReadonlySet<string> = new Set(["infrastructure.initSecret"]);

/** The state of a workspace in which nothing was created. */
export function emptyState(): State {
  const checked = check(stateSchema, { version: STATE_VERSION });
  if ("findings" in checked) throw new Error("Create empty state failed: its defaults do not fit its own schema");
  return checked.value;
}

/**
 * Parses a state file. Which fields must be filled depends on the stage of the cluster: see state-constraints.ts.
 *
 * @throws ConfigError `syntax`, `duplicate-key`, or `invalid-fields` with every wrong field; secrets are never shown
 */
export function parseState(yaml: string, name: string = STATE_FILE): State {
  const checked = check(stateSchema, parseStrictYaml(yaml, name).value);
  if ("value" in checked) return checked.value;
  const findings = checked.findings.map(withoutSecret);
  throw new ConfigError(
    "invalid-fields",
    `Read ${name} failed: ${findings.length === 1 ? "1 field is wrong" : `${findings.length} fields are wrong`}`,
    { findings },
  );
}

/** Writes a state as YAML. */
export function serializeState(state: State): string {
  return stringify(state, { lineWidth: 0, aliasDuplicateObjects: false });
}

/** Replaces values of a state: what is not given stays. */
export function withState(
  state: State,
  change: {
    readonly infrastructure?: Partial<State["infrastructure"]>;
    readonly clusterValues?: Partial<State["clusterValues"]>;
  },
): State {
  return {
    ...state,
    infrastructure: { ...state.infrastructure, ...change.infrastructure },
    clusterValues: { ...state.clusterValues, ...change.clusterValues },
  };
}

function withoutSecret(finding: Finding): Finding {
  return SECRET_PATHS.has(finding.path) ? { ...finding, got: "[secret]" } : finding;
}
