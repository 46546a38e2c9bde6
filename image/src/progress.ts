/** Says on stderr what is made and how long it took: all of a first build takes half an hour. */
export async function step<T>(what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  console.error(`build: ${what}`);
  const result = await work();
  console.error(`build: ${what} ... ${((performance.now() - started) / 1000).toFixed(1)}s`);
  return result;
}
