/** Parses JSON and refuses an object with the same key twice, where parsers disagree. Throws `SyntaxError`. */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  refuseDuplicateKeys(text);
  return value;
}

/** Scans a text that is known to be JSON. */
function refuseDuplicateKeys(json: string): void {
  const objects: Set<string>[] = [];
  for (let i = 0; i < json.length; i++) {
    const character = json.charAt(i);
    if (character === "{" || character === "[") objects.push(new Set());
    else if (character === "}" || character === "]") objects.pop();
    else if (character === '"') {
      const end = endOfString(json, i);
      if (isKey(json, end)) addKey(objects.at(-1) as Set<string>, JSON.parse(json.slice(i, end)) as string);
      i = end - 1;
    }
  }
}

/** Index after the closing quote of the string that starts at `start`. */
function endOfString(json: string, start: number): number {
  let i = start + 1;
  while (json.charAt(i) !== '"') i += json.charAt(i) === "\\" ? 2 : 1;
  return i + 1;
}

function isKey(json: string, end: number): boolean {
  let i = end;
  while (/\s/.test(json.charAt(i))) i++;
  return json.charAt(i) === ":";
}

function addKey(keys: Set<string>, key: string): void {
  if (keys.has(key)) throw new SyntaxError("got an object with a key twice, wanted each key once");
  keys.add(key);
}
