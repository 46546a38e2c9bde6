import type { DerElement } from "./element.ts";
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
  readonly #children: readonly DerElement[];
  readonly #what: string;
  #index = 0;

  /** `what` names the structure in messages. */
  constructor(parent: DerElement, tag: number, what: string) {
    expectTag(parent, tag, what);
    this.#children = parent.children;
    this.#what = what;
  }

  /** The next member, whatever its type. Throws `DerError` "structure" at the end. */
  next(): DerElement {
    const child = this.#children[this.#index];
    if (child === undefined) {
      throw new DerError("structure", `Read ${this.#what} failed: got "${this.#index}" members, wanted more`);
    }
    this.#index += 1;
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
    return this.#children[this.#index]?.tag === tag ? this.next() : undefined;
  }

  /** Refuses members that were not read. Throws `DerError` "structure". */
  end(): void {
    const left = this.#children.length - this.#index;
    if (left !== 0) {
      throw new DerError("structure", `Read ${this.#what} failed: got "${left}" more members, wanted none`);
    }
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
