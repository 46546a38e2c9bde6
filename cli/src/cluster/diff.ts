/** Lines that differ between two JSON texts, the old ones with `-`, the new ones with `+`, each with its path. */
export function diffLines(before: string, after: string): string[] {
  const old = leaves(JSON.parse(before), "");
  const fresh = leaves(JSON.parse(after), "");
  return [
    ...old.filter((line) => !fresh.includes(line)).map((line) => `- ${line}`),
    ...fresh.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ];
}

function leaves(value: unknown, path: string): string[] {
  if (typeof value !== "object" || value === null) return [`${path}: ${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([key, child]) => leaves(child, path === "" ? key : `${path}.${key}`));
}
