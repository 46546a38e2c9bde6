import { type Node, parseSync } from "oxc-parser";

/** Where instrumented modules find their counters. */
export const COUNTERS_NAME = "__fuzzCounters";

/** A module that counts which of its branches ran, with the literals that its code compares with. */
export interface Instrumented {
  /** Of the same lines as before. */
  readonly source: string;
  /** How many counters it uses. */
  readonly counters: number;
  readonly texts: readonly string[];
  readonly numbers: readonly number[];
}

interface Insertion {
  readonly offset: number;
  readonly text: string;
}

/** Puts a counter into every branch of a TypeScript module: blocks, cases, and the parts of `?:`, `&&`, `||`, `??`. */
export function instrument(source: string, firstCounter: number): Instrumented {
  const { program, errors } = parseSync("module.ts", source, { lang: "ts" });
  if (errors.length > 0) throw new Error(`Instrument module failed: ${errors[0]?.message}`);
  const walker = new Walker(firstCounter);
  walker.visit(program);
  const prelude = `const __c = globalThis.${COUNTERS_NAME}; `;
  const { counters, texts, numbers } = walker;
  return { source: prelude + withInsertions(source, walker.insertions), counters, texts: [...texts], numbers };
}

/** Insertions at one place stay in the order in which they were made. */
function withInsertions(source: string, insertions: readonly Insertion[]): string {
  const ordered = insertions.toSorted((a, b) => a.offset - b.offset);
  let done = 0;
  let text = "";
  for (const { offset, text: inserted } of ordered) {
    text += source.slice(done, offset) + inserted;
    done = offset;
  }
  return text + source.slice(done);
}

const LOOPS = new Set(["ForStatement", "ForInStatement", "ForOfStatement", "WhileStatement", "DoWhileStatement"]);

class Walker {
  readonly insertions: Insertion[] = [];
  readonly texts = new Set<string>();
  readonly numbers: number[] = [];
  counters = 0;
  readonly #firstCounter: number;

  constructor(firstCounter: number) {
    this.#firstCounter = firstCounter;
  }

  visit(node: Node): void {
    const after = this.#before(node);
    for (const child of childrenOf(node)) this.visit(child);
    for (const insertion of after) this.insertions.push(insertion);
  }

  /** Inserts what stands before the children of a node; gives what stands behind them. */
  #before(node: Node): Insertion[] {
    switch (node.type) {
      case "Literal":
        this.#note(node.value);
        return [];
      case "SwitchCase":
        if (node.consequent[0]) this.#insert(node.consequent[0].start, `${this.#count()};`);
        return [];
      case "BlockStatement":
        this.#insert(node.start + 1, `${this.#count()};`);
        return [];
      case "IfStatement":
        return this.#beforeIf(node);
      case "ConditionalExpression":
        return [...this.#wrap(node.consequent), ...this.#wrap(node.alternate)];
      case "LogicalExpression":
      case "AssignmentPattern":
        return this.#wrap(node.right);
      case "ArrowFunctionExpression":
        return node.body.type === "BlockStatement" ? [] : this.#wrap(node.body);
      default:
        return LOOPS.has(node.type) ? this.#wrapStatement((node as Node & { body: Node }).body) : [];
    }
  }

  #beforeIf(node: Node & { type: "IfStatement" }): Insertion[] {
    const { consequent, alternate, end } = node;
    const afterConsequent = this.#wrapStatement(consequent);
    if (alternate) return [...afterConsequent, ...this.#wrapStatement(alternate)];
    return [...afterConsequent, { offset: end, text: ` else {${this.#count()};}` }];
  }

  /** A statement without braces gets them, and a counter. */
  #wrapStatement(node: Node): Insertion[] {
    if (node.type === "BlockStatement") return [];
    this.#insert(node.start, `{${this.#count()};`);
    return [{ offset: node.end, text: "}" }];
  }

  #wrap(node: Node): Insertion[] {
    this.#insert(node.start, `(${this.#count()},`);
    return [{ offset: node.end, text: ")" }];
  }

  #insert(offset: number, text: string): void {
    this.insertions.push({ offset, text });
  }

  #count(): string {
    return `__c[${this.#firstCounter + this.counters++}]++`;
  }

  #note(value: unknown): void {
    if (typeof value === "string" && value.length > 1 && value.length <= 40) this.texts.add(value);
    if (typeof value === "number" && Number.isInteger(value) && value > 255) this.numbers.push(value);
  }
}

/** The nodes directly inside a node; types have no code. */
function childrenOf(node: Node): Node[] {
  return Object.values(node)
    .flat()
    .filter((child): child is Node => isNode(child) && !child.type.startsWith("TSType"));
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}
