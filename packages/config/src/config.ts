import { configRuleFindings } from "./config-rules.ts";
import { type Config, configSchema } from "./config-schema.ts";
import { ConfigError } from "./errors.ts";
import { showValue } from "./finding.ts";
import { check } from "./schema.ts";
import { CONFIG_FILE, CONFIG_VERSION } from "./constants.ts";
import { parseStrictYaml } from "./yaml-document.ts";

/**
 * Parses and validates a configuration.
 *
 * @throws ConfigError `syntax`, `duplicate-key`, `version`, or `invalid-fields` with every wrong field
 */
export function parseConfig(yaml: string, name: string = CONFIG_FILE): Config {
  const { value } = parseStrictYaml(yaml, name);
  const version = typeof value === "object" && value !== null ? (value as { version?: unknown }).version : undefined;
  if (typeof version === "string" && version !== CONFIG_VERSION) {
    throw new ConfigError(
      "version",
      `Read ${name} failed: version is ${showValue(version)}, wanted "${CONFIG_VERSION}"`,
      {
        hint: "generate a new configuration with `constellation config generate qemu` and carry your settings over",
      },
    );
  }
  const checked = check(configSchema, value);
  const findings = ["findings" in checked ? checked.findings : [], configRuleFindings(value)].flat();
  if (findings.length > 0 || !("value" in checked)) {
    const fields = findings.length === 1 ? "1 field is wrong" : `${findings.length} fields are wrong`;
    throw new ConfigError("invalid-fields", `Read ${name} failed: ${fields}`, { findings });
  }
  return checked.value;
}

/** How many nodes of a role the configuration asks for. */
export function nodeCount(config: Config, role: "control-plane" | "worker"): number {
  return Object.values(config.nodeGroups)
    .filter((group) => group.role === role)
    .reduce((sum, group) => sum + group.initialCount, 0);
}
