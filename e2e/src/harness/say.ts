const STARTED_MS = performance.now();

/** Writes a line to the test's log, with the minutes and seconds since its start. */
export function say(text: string): void {
  const seconds = Math.floor((performance.now() - STARTED_MS) / 1000);
  const stamp = `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  for (const line of text.trimEnd().split("\n")) process.stdout.write(`e2e ${stamp}  ${line}\n`);
}
