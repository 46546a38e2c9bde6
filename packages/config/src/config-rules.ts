import { attestationRules } from "./attestation/rules.ts";
import { keyManagementRules } from "./key-management-rules.ts";
import type { Finding } from "./finding.ts";
import { showValue } from "./finding.ts";

type Tree = Record<string, unknown>;

/**
 * Rules between fields of a configuration. They read the document as written and skip what has the wrong type, so that
 * they report beside the schema's findings and not only after those are mended.
 */
export function configRuleFindings(document: unknown): Finding[] {
  const config = tree(document);
  return [
    ...loadBalancerRule(config),
    ...keyManagementRules(tree(config["keyManagement"])),
    ...nodeGroupRules(config),
    ...attestationRules(tree(config["attestation"])),
  ];
}

function loadBalancerRule(config: Tree): Finding[] {
  if (config["internalLoadBalancer"] !== true) return [];
  return [{ path: "internalLoadBalancer", got: "true", wanted: "false: provider qemu has no load balancer to choose" }];
}

function nodeGroupRules(config: Tree): Finding[] {
  if (!isTree(config["nodeGroups"])) return [];
  const groups = config["nodeGroups"];
  const findings: Finding[] = [];
  for (const [name, role] of [
    ["control_plane_default", "control-plane"],
    ["worker_default", "worker"],
  ] as const) {
    const path = `nodeGroups.${name}`;
    if (!isTree(groups[name])) {
      if (groups[name] === undefined) findings.push({ path, got: "nothing", wanted: `a node group of role "${role}"` });
      continue;
    }
    const actual = groups[name]["role"];
    if (typeof actual === "string" && actual !== role && ["control-plane", "worker"].includes(actual)) {
      findings.push({ path: `${path}.role`, got: showValue(actual), wanted: `"${role}", as the group's name says` });
    }
  }
  const first = tree(groups["control_plane_default"])["initialCount"];
  if (first === 0) {
    findings.push({
      path: "nodeGroups.control_plane_default.initialCount",
      got: "0",
      wanted: "at least 1: a cluster needs a control plane",
    });
  }
  return [...findings, ...diskSizeRule(groups)];
}

function diskSizeRule(groups: Tree): Finding[] {
  const [first, ...others] = Object.entries(groups)
    .map(([name, group]) => ({ name, size: tree(group)["stateDiskSizeGB"] ?? 10 }))
    .filter(({ size }) => typeof size === "number");
  return others
    .filter(({ size }) => size !== first?.size)
    .map(({ name, size }) => ({
      path: `nodeGroups.${name}.stateDiskSizeGB`,
      got: showValue(size),
      wanted: `${showValue(first?.size)}, as in the first node group: provider qemu makes all disks of one size`,
    }));
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function tree(value: unknown): Tree {
  return isTree(value) ? value : {};
}
