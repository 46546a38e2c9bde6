import { type Component, componentOf } from "./components.ts";
import { DEBIAN_SUITE } from "./debian.ts";
import type { DebianPackage } from "./debian-packages.ts";
import type { GoModule, GoProgram } from "./go-programs.ts";
import type { NpmPackage } from "./npm-packages.ts";
import { type Item, purl, type SpdxDocument, spdxDocument } from "./spdx.ts";

/** What others made that is in a node image. */
export interface Ingredients {
  /** Packages by the tree they are in: the root, the initrd, those of container layers. */
  readonly debian: Readonly<Record<string, readonly DebianPackage[]>>;
  /** Upstream programs, with what is compiled into them. */
  readonly go: readonly GoProgram[];
  /** Packages that are bundled into each program of ours. */
  readonly bundles: Readonly<Record<string, readonly NpmPackage[]>>;
  /** Node.js, which runs them. */
  readonly node: NpmPackage;
}

/** The bill of materials of an image. */
export function billOfMaterials(
  ingredients: Ingredients,
  image: { flavour: string; version: string; sha256: string },
): SpdxDocument {
  const { debian, go, bundles, node } = ingredients;
  // A Go program of no component came in a Debian package, which is listed.
  const components = [...Map.groupBy(go, ({ name }) => componentOf(name))];
  return spdxDocument({
    name: `constellation-node-image-${image.flavour}`,
    version: image.version,
    sha256: image.sha256,
    contains: [
      ...Object.entries(debian).map(([tree, list]) => ({ name: `debian-${tree}`, contains: list.map(debianItem) })),
      ...components.flatMap(([component, programs]) =>
        component === undefined ? [] : [componentItem(component, programs)],
      ),
      ...Object.entries(bundles).map(([name, list]) => ({
        name,
        version: image.version,
        license: "Apache-2.0",
        dependsOn: list.map(npmItem),
      })),
      npmItem(node),
    ],
  });
}

function debianItem({ name, version, architecture, source, sha256 }: DebianPackage): Item {
  return {
    name,
    version,
    purl: purl("deb", `debian/${name}`, version, { arch: architecture, distro: DEBIAN_SUITE }),
    sha256,
    supplier: "Organization: Debian",
    origin: `built by Debian from source package ${source}`,
  };
}

function npmItem({ name, version, license, sha512 }: NpmPackage): Item {
  return { name, version, purl: purl("npm", name, version), license, sha512 };
}

/** A component: the modules its programs were built from and all that is compiled into them. */
function componentItem(component: Component, programs: readonly GoProgram[]): Item {
  const toItem = (module: GoModule): Item => moduleItem(module, component);
  const names = programs.map(({ name }) => name).sort();
  const toolchains = [...new Set(programs.map(({ toolchain }) => toolchain))].sort();
  const mains = programs.map(({ main }) => main).filter(({ version }) => version !== "(devel)");
  return {
    name: component.name,
    version: mains.map(({ version }) => version).sort()[0],
    origin: `built from source with ${toolchains.join(", ")}: ${names.join(", ")}`,
    generatedFrom: mains.map(toItem),
    dependsOn: [...toolchains.map(standardLibrary), ...programs.flatMap(({ modules }) => modules.map(toItem))],
  };
}

function moduleItem({ path, version, sum, edited }: GoModule, component: Component): Item {
  const edits = (component.edits ?? []).filter(({ module }) => module === `${path}@${version}`);
  const changes = edits.map(({ file, from, to }) => `'${from}' became '${to}' in ${file}`);
  return {
    name: path,
    version,
    // The specification of package URLs wants names of Go modules in lower case.
    purl: purl("golang", path.toLowerCase(), version),
    // A hash over a list of files, which is no checksum of a package to SPDX.
    origin: sum === undefined ? undefined : `Go checksum ${sum}`,
    comment: edited === true ? `edited for the build of ${component.name}: ${changes.join("; ")}` : undefined,
  };
}

function standardLibrary(toolchain: string): Item {
  const version = toolchain.replace(/^go/, "");
  return { name: "stdlib", version, purl: purl("golang", "stdlib", version), origin: "Go's standard library" };
}
