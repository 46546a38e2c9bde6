import { build } from "esbuild";

/**
 * Bundles one program of ours into a single file that needs nothing but Node.js.
 *
 * @param debugImage switches on what only the debug image may have (fault injection)
 */
export async function bundle(entry: string, outfile: string, options: { debugImage?: boolean } = {}): Promise<void> {
  await build({
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
}
