import type { Node } from "oxc-parser";

/** One change of an expression. */
export interface Replacement {
  /** What stands there instead. */
  readonly text: string;
  /** What it does, for people; within a function it tells one mutant from another. */
  readonly mutation: string;
}

/** What the place of an expression says about it. */
export type Role = "condition" | "element" | "body" | "value";

type TextOf = (node: { readonly start: number; readonly end: number }) => string;

const BINARY: Readonly<Record<string, readonly string[]>> = {
  "===": ["!=="],
  "!==": ["==="],
  "<": ["<=", ">="],
  "<=": ["<", ">"],
  ">": [">=", "<="],
  ">=": [">", "<"],
  "+": ["-"],
  "-": ["+"],
  "*": ["/"],
  "/": ["*"],
  "%": ["*"],
  "&": ["|"],
  "|": ["&"],
  "^": ["&"],
  "<<": [">>"],
  ">>": ["<<"],
  ">>>": ["<<"],
  "+=": ["-="],
  "-=": ["+="],
  "|=": ["&="],
  "&=": ["|="],
};

const RENAMED: Readonly<Record<string, string>> = {
  every: "some",
  some: "every",
  min: "max",
  max: "min",
  startsWith: "endsWith",
  endsWith: "startsWith",
};

/** Methods that give something of the kind they are called on. */
const DROPPED: ReadonlySet<string> = new Set(["filter", "slice", "subarray", "sort", "toSorted", "reverse", "trim"]);

/** All changes of one expression, those of the expressions inside it left out. */
export function replacementsOf(node: Node, role: Role, textOf: TextOf): Replacement[] {
  const original = textOf(node);
  const texts = [...ofRole(node, role), ...ofKind(node, role, textOf)];
  const changes = texts.map((text) => ({ text, mutation: `${shortened(original)} becomes ${shortened(text)}` }));
  return node.type === "ArrayExpression" ? [...changes, ...withoutEach(node, textOf)] : changes;
}

function ofRole(node: Node, role: Role): string[] {
  if (node.type === "Literal") return [];
  if (role === "condition") return ["true", "false"];
  return role === "body" && node.type !== "Identifier" ? ["undefined"] : [];
}

function ofKind(node: Node, role: Role, textOf: TextOf): string[] {
  switch (node.type) {
    case "LogicalExpression": {
      const [left, right] = [textOf(node.left), textOf(node.right)];
      if (node.operator === "??") return [left, right];
      return [left, right, `(${left}) ${node.operator === "&&" ? "||" : "&&"} (${right})`];
    }
    case "BinaryExpression":
    case "AssignmentExpression": {
      if (node.operator === "+" && (isText(node.left) || isText(node.right))) return [];
      const others = BINARY[node.operator] ?? [];
      return others.map((operator) => `${textOf(node.left)} ${operator} ${textOf(node.right)}`);
    }
    case "UnaryExpression":
      return node.operator === "!" || node.operator === "-" ? [textOf(node.argument)] : [];
    case "UpdateExpression": {
      const operator = node.operator === "++" ? "--" : "++";
      return [node.prefix ? operator + textOf(node.argument) : textOf(node.argument) + operator];
    }
    case "Literal":
      return ofLiteral(node, role);
    case "TemplateLiteral":
      return /\s/.test(node.quasis.map(({ value }) => value.raw).join("")) ? [] : ['""'];
    case "CallExpression":
      return ofCall(node, textOf);
    case "ChainExpression":
      return ofChain(node.expression, textOf);
    default:
      return [];
  }
}

/** Text with a space in it is for people, and left alone. An element that is left out altogether stands for its text. */
function ofLiteral({ value }: Node & { type: "Literal" }, role: Role): string[] {
  if (typeof value === "boolean") return [`${!value}`];
  if (typeof value === "number") return value > 0 ? [`${value + 1}`, `${value - 1}`] : [`${value + 1}`];
  if (typeof value === "bigint") return [`${value + 1n}n`];
  if (typeof value === "string" && value !== "" && !/\s/.test(value)) return role === "element" ? [] : ['""'];
  return [];
}

function ofCall(node: Node & { type: "CallExpression" }, textOf: TextOf): string[] {
  const { callee } = node;
  if (callee.type !== "MemberExpression" || callee.computed) return [];
  const name = textOf(callee.property);
  const object = textOf(callee.object);
  if (DROPPED.has(name)) return [object];
  const other = RENAMED[name];
  if (other === undefined || !Object.hasOwn(RENAMED, name)) return [];
  return [`${object}.${other}${textOf({ start: callee.property.end, end: node.end })}`];
}

/** Each `?.` of a chain as a plain access. */
function ofChain(root: Node, textOf: TextOf): string[] {
  const texts: string[] = [];
  for (let link: Node = root; ; ) {
    if (link.type === "MemberExpression") {
      const { object, optional, computed } = link;
      const behind = textOf({ start: object.end, end: root.end });
      const plain = behind.replace(/^\s*\?\./, computed ? "" : ".");
      if (optional) texts.push(textOf({ start: root.start, end: object.end }) + plain);
      link = object;
    } else if (link.type === "CallExpression") {
      link = link.callee;
    } else if (link.type === "TSNonNullExpression") {
      link = link.expression;
    } else {
      return texts;
    }
  }
}

function withoutEach({ elements }: Node & { type: "ArrayExpression" }, textOf: TextOf): Replacement[] {
  const texts = elements.map((element) => (element === null ? "" : textOf(element)));
  return texts.map((left, index) => ({
    text: `[${texts.filter((_, other) => other !== index).join(", ")}]`,
    mutation: `list without ${shortened(left)}`,
  }));
}

function isText(node: Node): boolean {
  return node.type === "TemplateLiteral" || (node.type === "Literal" && typeof node.value === "string");
}

const MAX_SHOWN = 100;

/** Code on one line, as it is named in reports. */
export function shortened(code: string): string {
  const line = code.replace(/\s+/g, " ");
  return `\`${line.length <= MAX_SHOWN ? line : `${line.slice(0, MAX_SHOWN - 3)}...`}\``;
}
