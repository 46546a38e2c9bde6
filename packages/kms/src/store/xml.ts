import { answerError, bodyText, type HttpAnswer } from "../http/call.ts";
import type { Operation } from "../http/retry.ts";

/** A page of a list. */
export interface ListPage {
  readonly names: readonly string[];
  /** Where the next page begins; undefined at the last. */
  readonly next: string | undefined;
}

/**
 * Reads a page of a list in XML by the names of two elements that hold text alone. Not an XML parser: names in it decide
 * nothing, since each wrapped key is checked when it is opened.
 * @throws KmsError `store_answer`
 */
export function listPage(operation: Operation, xml: string, elements: { name: string; next: string }): ListPage {
  if (!/<(?:ListBucketResult|EnumerationResults)[\s>]/.test(xml)) throw answerError(operation, "no list", "one");
  const next = textsOf(xml, elements.next)[0];
  return { names: textsOf(xml, elements.name), next: next === "" ? undefined : next };
}

/** The code of an error in XML; empty where there is none. */
export function errorCodeOf(answer: HttpAnswer): string {
  return textsOf(bodyText(answer), "Code")[0] ?? "";
}

function textsOf(xml: string, element: string): string[] {
  return [...xml.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, "g"))].map(([, text]) =>
    unescaped(text as string),
  );
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replaceAll(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => ENTITIES[name] as string);
}
