/** Text from outside that can't move a terminal's cursor: control characters become `?`. */
export function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, "?");
}

/** Like {@link printable}, for text of several lines. */
export function printableLines(text: string): string {
  return text.split("\n").map(printable).join("\n");
}
