import { build, type Metafile } from "esbuild";
import { checkoutDir } from "./paths.ts";

/**
 * Bundles one program of ours into a single file that needs nothing but Node.js, and returns the folders of the npm
 * packages that are in it, named from the checkout.
 *
 * @param debugImage switches on what only the debug image may have (fault injection)
 */
export async function bundle(
  entry: string,
  outfile: string,
  options: { debugImage?: boolean } = {},
): Promise<string[]> {
  const { metafile } = await build({
    // The bundle has names of files in it, from this folder.
    absWorkingDir: checkoutDir,
    metafile: true,
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    minifySyntax: true,
    legalComments: "none",
    logLevel: "error",
    // Packages in CommonJS ask for node's modules by `require`, which an ES module has not.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    define: { __DEBUG_IMAGE__: String(options.debugImage === true) },
  });
  return bundledPackages(metafile);
}

/** Folders of the npm packages of which something is in the output. */
export function bundledPackages(metafile: Metafile): string[] {
  const files = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([file, { bytesInOutput }]) => (bytesInOutput > 0 ? [file] : [])),
  );
  const folders = files.map((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]);
  return [...new Set(folders)].filter((folder) => folder !== undefined).sort();
}
