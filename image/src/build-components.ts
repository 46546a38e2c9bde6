import { buildComponent, components } from "./components.ts";

/** Builds the components named on the command line (all without one) and prints where each is. */
const names = process.argv.slice(2);
for (const component of Object.values(components)) {
  if (names.length > 0 && !names.includes(component.name)) continue;
  const started = performance.now();
  const dir = await buildComponent(component);
  console.log(`${component.name} ${((performance.now() - started) / 1000).toFixed(1)}s ${dir}`);
}
