import { utf8 } from "@constellation/bytes";
import { type TestCase, withFile } from "../cases.ts";

/** One piece of a case whose bytes can be changed: a file of evidence, or a root that the case pins. */
export interface Part {
  /** The file's role, or `root` with its number. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** The case with other bytes in the place of these. */
  readonly changed: (bytes: Uint8Array) => TestCase;
}

/** All files of the case by role, then its roots. The case itself and its policy say what is asked, and are no evidence. */
export function partsOf(subject: TestCase): Part[] {
  const files = Array.from(subject.contents, ([role, bytes]): Part => {
    return { name: role, bytes, changed: (other) => withFile(subject, role, other) };
  });
  const roots = subject.roots.map((pem, index): Part => {
    const changed = (other: Uint8Array) => ({
      ...subject,
      roots: subject.roots.with(index, new TextDecoder().decode(other)),
    });
    return { name: rootName(index), bytes: utf8(pem), changed };
  });
  return [...files, ...roots];
}

/** The name of a root as a part. */
export function rootName(index: number): string {
  return `root ${index}`;
}
