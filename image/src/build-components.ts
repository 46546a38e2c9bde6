import { mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { buildComponent, type Component, components } from "./components.ts";
import { cacheDir } from "./paths.ts";

/** Builds components, by default all that are not on demand, and links their programs where tests look. */
const names = process.argv.slice(2);
const isWanted = ({ name, onDemand }: Component): boolean => (names.length > 0 ? names.includes(name) : !onDemand);
const bin = join(cacheDir(), "components/current/bin");
await mkdir(bin, { recursive: true });
for (const component of Object.values<Component>(components).filter(isWanted)) {
  const dir = await buildComponent(component);
  for (const program of await readdir(dir)) {
    if (program.startsWith(".")) continue;
    await rm(join(bin, program), { force: true });
    await symlink(join(dir, program), join(bin, program));
  }
}
