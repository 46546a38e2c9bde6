import { mkdir, readdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { buildComponent, components } from "./components.ts";
import { cacheDir } from "./paths.ts";

/** Builds the components named on the command line (all without one) and links their programs where tests look. */
const names = process.argv.slice(2);
const bin = join(cacheDir(), "components/current/bin");
await mkdir(bin, { recursive: true });
for (const component of Object.values(components)) {
  if (names.length > 0 && !names.includes(component.name)) continue;
  const dir = await buildComponent(component);
  for (const program of await readdir(dir)) {
    if (program.startsWith(".")) continue;
    await rm(join(bin, program), { force: true });
    await symlink(join(dir, program), join(bin, program));
  }
}
