import type { Node } from "oxc-parser";
import { childrenOf, type FunctionNode, isFunction } from "./nodes.ts";
import { type Replacement, type Role, replacementsOf, shortened } from "./replacements.ts";

/** The global function that says whether a mutant is on. */
export const SWITCH_NAME = "__mutant";

/** One change of the code. */
export interface Mutant {
  /** From the top of the checkout. */
  readonly file: string;
  /** The named function that it is in; `module` outside of all. */
  readonly function: string;
  readonly line: number;
  /** Told apart by a number in brackets where a function has several of the same words. */
  readonly mutation: string;
}

/** Text to be put into a module. */
export interface Insertion {
  readonly offset: number;
  readonly text: string;
}

/** The function around a node. */
interface Scope {
  readonly name: string;
  /** Whether its code is to be changed. */
  readonly isIn: boolean;
  /** Whether what it returns is true or false. */
  readonly givesCondition: boolean;
}

interface Module {
  readonly file: string;
  readonly source: string;
  readonly firstNumber: number;
  /** Whether a function is wanted, where not all of the module is. */
  isWanted(functionName: string): boolean;
}

/** A property of an object, a class or a pattern. */
interface Keyed {
  readonly computed: boolean;
  readonly key: Node;
  readonly value: Node | null;
}

const REMOVABLE: ReadonlySet<string> = new Set([
  "CallExpression",
  "AwaitExpression",
  "AssignmentExpression",
  "UpdateExpression",
]);
/** Methods that make text for people, and properties of checks that are such text: nothing is decided by it. */
const TEXT_MAKERS: ReadonlySet<string> = new Set(["join", "toString", "padStart", "padEnd"]);
const TEXTS: ReadonlySet<string> = new Set(["got", "wanted", "reason"]);
/** Where what a check got and wanted begins: behind the condition, the name and the code. */
const CHECK_TEXTS_AT = 3;
const PREDICATE_TAKERS: ReadonlySet<string> = new Set(["every", "some", "filter", "find", "findIndex"]);

/** Finds the mutants of a module and the places of their switches. */
export class Walker {
  readonly insertions: Insertion[] = [];
  readonly mutants: Mutant[] = [];
  readonly #module: Module;
  readonly #timesSeen = new Map<string, number>();

  constructor(module: Module) {
    this.#module = module;
  }

  visit(node: Node, role: Role, scope: Scope): void {
    const behind = scope.isIn ? this.#change(node, role, scope) : [];
    this.#visitInside(node, role, scope);
    this.insertions.push(...behind);
  }

  /** Inserts what stands before a node; gives what stands behind it. */
  #change(node: Node, role: Role, scope: Scope): Insertion[] {
    const replacements = replacementsOf(node, role, this.#textOf);
    if (replacements.length > 0) return this.#switchTo(replacements, node, scope);
    const isStatement =
      node.type === "ThrowStatement" || (node.type === "ExpressionStatement" && REMOVABLE.has(node.expression.type));
    if (!isStatement) return [];
    const number = this.#number(node, `${shortened(this.#textOf(node))} left out`, scope);
    this.insertions.push({ offset: node.start, text: `{ if (!${SWITCH_NAME}(${number})) ` });
    return [{ offset: node.end, text: " }" }];
  }

  #switchTo(replacements: readonly Replacement[], node: Node, scope: Scope): Insertion[] {
    const cases = replacements.map(({ text, mutation }) => {
      return `${SWITCH_NAME}(${this.#number(node, mutation, scope)}) ? (${text}) : `;
    });
    this.insertions.push({ offset: node.start, text: `(${cases.join("")}(` });
    return [{ offset: node.end, text: "))" }];
  }

  #visitInside(node: Node, role: Role, scope: Scope): void {
    switch (node.type) {
      case "ImportDeclaration":
      case "ExportAllDeclaration":
      case "TemplateLiteral":
        return;
      case "ExportNamedDeclaration":
        if (node.declaration) this.visit(node.declaration, "value", scope);
        return;
      case "IfStatement":
      case "ConditionalExpression":
      case "WhileStatement":
      case "DoWhileStatement":
        return this.#visitAll(childrenOf(node), scope, (child) => (child === node.test ? "condition" : "value"));
      case "ReturnStatement":
        if (node.argument) this.visit(node.argument, scope.givesCondition ? "condition" : "value", scope);
        return;
      case "ArrayExpression":
        return this.#visitAll(childrenOf(node), scope, () => "element");
      case "MemberExpression":
        this.visit(node.object, "value", scope);
        if (node.computed) this.visit(node.property, "value", scope);
        return;
      case "Property":
      case "MethodDefinition":
      case "PropertyDefinition":
        return this.#visitProperty(node, scope);
      case "VariableDeclarator":
        this.visit(node.id, "value", scope);
        if (node.init) this.#visitNamed(node.init, this.#textOf(node.id), scope);
        return;
      case "AssignmentExpression":
        return this.visit(node.right, "value", scope);
      case "UpdateExpression":
        return;
      case "ChainExpression":
        return this.#visitChain(node.expression, scope);
      case "CallExpression":
      case "NewExpression":
        return this.#visitCall(node, scope);
      default:
        if (isFunction(node)) return this.#visitFunction(node, node.id?.name, role, scope);
        return this.#visitAll(childrenOf(node), scope, () => "value");
    }
  }

  #visitAll(nodes: readonly Node[], scope: Scope, roleOf: (node: Node) => Role): void {
    for (const node of nodes) this.visit(node, roleOf(node), scope);
  }

  #visitProperty({ computed, key, value }: Keyed, scope: Scope): void {
    if (computed) this.visit(key, "value", scope);
    else if (TEXTS.has(this.#textOf(key))) return;
    if (value) this.#visitNamed(value, this.#textOf(key), scope);
  }

  /** A function that stands where something else gives it its name. */
  #visitNamed(node: Node, name: string, scope: Scope): void {
    if (isFunction(node)) this.#visitFunction(node, name, "value", scope);
    else this.visit(node, "value", scope);
  }

  /** `role` is "condition" where a caller takes what it returns for true or false. */
  #visitFunction(node: FunctionNode, name: string | undefined, role: Role, around: Scope): void {
    const returned = node.returnType?.typeAnnotation.type;
    const scope: Scope = {
      name: name ?? around.name,
      isIn: around.isIn || (name !== undefined && this.#module.isWanted(name)),
      givesCondition: role === "condition" || returned === "TSBooleanKeyword" || returned === "TSTypePredicate",
    };
    this.#visitAll(node.params, scope, () => "value");
    const { body } = node;
    if (body === null) return;
    if (body.type !== "BlockStatement") {
      return this.visit(body, scope.givesCondition ? "condition" : "body", scope);
    }
    if (scope.isIn && body.body.length > 0) {
      const number = this.#number(node, "body left out", scope);
      this.insertions.push({ offset: body.start + 1, text: ` if (${SWITCH_NAME}(${number})) return;` });
    }
    this.#visitAll(body.body, scope, () => "value");
  }

  #visitCall(node: Node & { type: "CallExpression" | "NewExpression" }, scope: Scope): void {
    const { callee } = node;
    if (callee.type === "MemberExpression" && TEXT_MAKERS.has(this.#textOf(callee.property))) return;
    if (callee.type === "MemberExpression" || isFunction(callee)) this.#visitInside(callee, "value", scope);
    this.#visitArguments(node, scope);
  }

  #visitArguments(node: Node & { type: "CallExpression" | "NewExpression" }, scope: Scope): void {
    const { callee, arguments: given } = node;
    const name = this.#textOf(callee.type === "MemberExpression" ? callee.property : callee);
    const deciding = name === "check" ? given.slice(0, CHECK_TEXTS_AT) : given;
    for (const [index, argument] of deciding.entries()) {
      const takesPredicate = index === 0 && PREDICATE_TAKERS.has(name);
      if (takesPredicate && isFunction(argument)) this.#visitFunction(argument, undefined, "condition", scope);
      else this.visit(argument, index === 0 && name === "check" ? "condition" : "value", scope);
    }
  }

  /** What is inside an optional chain, but no link of it: a chain must stay in one piece. */
  #visitChain(node: Node, scope: Scope): void {
    if (node.type === "MemberExpression") {
      this.#visitChain(node.object, scope);
      if (node.computed) this.visit(node.property, "value", scope);
    } else if (node.type === "CallExpression") {
      this.#visitChain(node.callee, scope);
      this.#visitArguments(node, scope);
    } else if (node.type === "TSNonNullExpression") {
      this.#visitChain(node.expression, scope);
    } else {
      this.visit(node, "value", scope);
    }
  }

  /** Notes a mutant, and gives its number. */
  #number({ start }: Node, what: string, scope: Scope): number {
    const { file, source, firstNumber } = this.#module;
    const key = `${scope.name} ${what}`;
    const times = (this.#timesSeen.get(key) ?? 0) + 1;
    this.#timesSeen.set(key, times);
    const line = source.slice(0, start).split("\n").length;
    const mutation = times === 1 ? what : `${what} (${times})`;
    this.mutants.push({ file, function: scope.name, line, mutation });
    return firstNumber + this.mutants.length - 1;
  }

  readonly #textOf = ({ start, end }: { readonly start: number; readonly end: number }): string =>
    this.#module.source.slice(start, end);
}
