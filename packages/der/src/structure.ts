import { type DerElement, MAX_CHILDREN, tooMany } from "./element.ts";
import { DerError } from "./error.ts";
import { TAG, tagText } from "./tag.ts";

/** Refuses an element of another type. Throws `DerError` "tag". */
export function expectTag(element: DerElement, tag: number, what: string): void {
  if (element.tag !== tag) {
    throw new DerError("tag", `Read ${what} failed: got tag "${tagText(element.tag)}", wanted "${tagText(tag)}"`);
  }
}

/** Walks the children of a constructed element in order, with optional members told by their tags. */
export class Members {
  readonly #parent: DerElement;
  readonly #what: string;
  #count = 0;
  /** The one that was read last. */
  #last: DerElement | undefined;
  /** The one after it, where it was looked at already. */
  #ahead: DerElement | undefined;

  /** `what` names the structure in messages. */
  constructor(parent: DerElement, tag: number, what: string) {
    expectTag(parent, tag, what);
    this.#parent = parent;
    this.#what = what;
  }

  /** The next member, whatever its type. Throws `DerError` "structure" at the end, "too_large" after `MAX_CHILDREN`. */
  next(): DerElement {
    const child = this.#peek();
    if (child === undefined) {
      throw new DerError("structure", `Read ${this.#what} failed: got the end, wanted another member`);
    }
    this.#count += 1;
    if (this.#count > MAX_CHILDREN) throw tooMany();
    this.#last = child;
    this.#ahead = undefined;
    return child;
  }

  /** The next member, which must have this tag. */
  required(tag: number): DerElement {
    const child = this.next();
    expectTag(child, tag, this.#what);
    return child;
  }

  /** The next member if it has this tag. */
  optional(tag: number): DerElement | undefined {
    return this.#peek()?.tag === tag ? this.next() : undefined;
  }

  /** Whether there are members that were not read. */
  hasMore(): boolean {
    return this.#peek() !== undefined;
  }

  /** Refuses members that were not read. Throws `DerError` "structure". */
  end(): void {
    const left = this.#peek();
    if (left !== undefined) {
      throw new DerError(
        "structure",
        `Read ${this.#what} failed: got a further member of tag "${tagText(left.tag)}", wanted none`,
      );
    }
  }

  #peek(): DerElement | undefined {
    this.#ahead ??= this.#parent.childAfter(this.#last);
    return this.#ahead;
  }
}

/** `Members` of a SEQUENCE. */
export function sequence(element: DerElement, what: string): Members {
  return new Members(element, TAG.SEQUENCE, what);
}

/** The one element inside an EXPLICIT tag. Throws `DerError`. */
export function explicit(element: DerElement, what: string): DerElement {
  const members = new Members(element, element.tag, what);
  const inner = members.next();
  members.end();
  return inner;
}

/**
 * The members of a SET OF, in ascending order of their encodings (X.690 section 11.6). Throws `DerError` "set_order".
 */
export function setOf(element: DerElement, what: string): readonly DerElement[] {
  expectTag(element, TAG.SET, what);
  const first = element.childAfter();
  if (first === undefined) return [];
  // Nearly all have one.
  if (element.childAfter(first) === undefined) return [first];
  const { children } = element;
  for (let i = 1; i < children.length; i++) {
    const [before, after] = [children[i - 1], children[i]] as [DerElement, DerElement];
    if (compare(before.encoding, after.encoding) > 0) {
      throw new DerError(
        "set_order",
        `Read ${what} failed: got member "${i + 1}" smaller than the one before, wanted ascending order`,
      );
    }
  }
  return children;
}

/** Octet by octet. No encoding is the start of another, so that there is no need to look at lengths. */
function compare(a: Uint8Array, b: Uint8Array): number {
  const index = a.findIndex((octet, i) => octet !== b[i]);
  return index < 0 ? 0 : (a[index] as number) - (b[index] as number);
}
