import { isObject, type Json, type JsonObject, leavesOf, valueAt, withValue } from "./json.ts";

/** A policy that wants something else in one field. */
export interface PolicyChange {
  readonly path: readonly string[];
  readonly document: Json;
}

/** Texts that are one of few. */
const OTHER_TEXT: Readonly<Record<string, string>> = {
  VCEK: "VLEK",
  VLEK: "VCEK",
  enclave: "nitrotpm",
  nitrotpm: "enclave",
  UpToDate: "OutOfDate",
};
const TIME = /^\d{4}-\d\d-\d\dT/;
/** A register that no quote of ours is over. */
const OTHER_REGISTER = 16;

/**
 * Walks the JSON of a policy, whatever it is of: every value that is wanted becomes another of the same length, every
 * lower bound one more, and roots are those of the other policy.
 */
export function policyChanges(policy: Json, other: Json): PolicyChange[] {
  const pinned = changesAt(policy, []);
  const roots = rootPaths(policy).map((path) => ({ path, value: valueAt(other, path) }));
  return [...pinned, ...roots].map(({ path, value }) => ({ path, document: withValue(policy, path, value) }));
}

/** Where a policy has roots. */
export function rootPaths(policy: Json): (readonly string[])[] {
  const paths = leavesOf(policy).flatMap(({ path }) => {
    const end = path.indexOf("roots") + 1;
    return end > 0 ? [path.slice(0, end)] : [];
  });
  return [...new Map(paths.map((path) => [path.join("."), path])).values()];
}

/** The fields that a policy leaves open. */
export function openFields(policy: Json): string[] {
  return fieldsOfKinds(policy, (kind) => kind === "any");
}

/** The fields of which a policy wants something. What is only asked to be there is no field of the evidence. */
export function statedFields(policy: Json): string[] {
  return fieldsOfKinds(policy, (kind) => !["any", "refuse", "required"].includes(kind));
}

function fieldsOfKinds(policy: Json, isWanted: (kind: string) => boolean): string[] {
  return leavesOf(policy).flatMap(({ path, value }) =>
    path.at(-1) === "kind" && isWanted(value as string) ? [path.slice(0, -1).join(".")] : [],
  );
}

interface Change {
  readonly path: readonly string[];
  readonly value: Json;
}

function changesAt(value: Json, path: readonly string[]): Change[] {
  if (!isObject(value)) return [];
  if (typeof value["kind"] === "string") return changesOfRule(value, path);
  return Object.entries(value).flatMap(([key, member]) => changesAt(member, [...path, key]));
}

function changesOfRule(rule: JsonObject, path: readonly string[]): Change[] {
  switch (rule["kind"]) {
    case "equal":
      return [{ path: [...path, "anyOf"], value: (rule["anyOf"] as readonly Json[]).map(otherValue) }];
    case "anyOf":
      return [{ path: [...path, "digests"], value: (rule["digests"] as readonly Json[]).map(otherValue) }];
    case "absent":
      return [{ path, value: { kind: "equal", anyOf: ["00"] } }];
    case "between":
      return [
        { path: [...path, "earliest"], value: laterBy(rule["earliest"], 1) },
        { path: [...path, "latest"], value: laterBy(rule["latest"], -1) },
      ];
    case "judged":
      return [
        { path: [...path, "acceptedTcbStatuses"], value: ["OutOfDate"] },
        {
          path: [...path, "minimumTcbEvaluationDataNumber"],
          value: oneMore(rule["minimumTcbEvaluationDataNumber"] as Json),
        },
      ];
    case "minimum":
      return [...boundsOf(rule, path), ...(path.includes("products") ? [{ path, value: { kind: "refuse" } }] : [])];
    case "required":
      return changesOfRequired(rule, path);
    default:
      return [];
  }
}

/** What is asked to be there may have to be of some kind, too. */
function changesOfRequired(rule: JsonObject, path: readonly string[]): Change[] {
  const { kind: _kind, explained, ...others } = rule;
  return [
    ...(explained === undefined
      ? []
      : [{ path: [...path, "explained"], value: [...(explained as readonly Json[]), OTHER_REGISTER] }]),
    ...changesAt(others, path),
  ];
}

/** Each number under a bound, one more; a time, a millisecond later. */
function boundsOf(rule: JsonObject, path: readonly string[]): Change[] {
  return leavesOf(rule)
    .filter(({ path: [first] }) => first !== "kind")
    .map((leaf) => ({ path: [...path, ...leaf.path], value: oneMore(leaf.value) }));
}

function oneMore(value: Json): Json {
  if (typeof value === "string" && TIME.test(value)) return laterBy(value, 1);
  return typeof value === "number" ? value + 1 : `0x${(BigInt(value as string) + 1n).toString(16)}`;
}

function otherValue(value: Json): Json {
  if (typeof value === "boolean") return !value;
  if (typeof value === "number") return oneMore(value);
  const text = value as string;
  if (text.startsWith("0x")) return oneMore(text);
  // Hexadecimal or a name: the last character becomes another digit.
  return OTHER_TEXT[text] ?? `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}`;
}

function laterBy(time: Json | undefined, timeMs: number): Json {
  return new Date(new Date(time as string).getTime() + timeMs).toISOString();
}
