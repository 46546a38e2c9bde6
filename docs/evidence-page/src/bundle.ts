import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build, type Metafile } from "esbuild";

/** A bundle for browsers, and what is in it. */
export interface Bundle {
  readonly text: string;
  /** Files that text came from, relative to the checkout, and bytes of each in the bundle. */
  readonly inputs: ReadonlyMap<string, number>;
  /** What is imported from outside the bundle. */
  readonly imports: readonly string[];
}

const CHECKOUT = join(import.meta.dirname, "../../..");
const PAGE = join(import.meta.dirname, "page");

/** How a bundle is made: for a page (`iife`), or as a module with its exports. */
interface BundleOptions {
  readonly format: "iife" | "esm";
  /** Packages that are left outside. */
  readonly external?: readonly string[];
}

/** Bundles a file of the checkout for browsers, minified. An import of `node:` fails the build. */
export async function bundleForBrowser(entry: string, { format, external = [] }: BundleOptions): Promise<Bundle> {
  const { metafile, outputFiles } = await build({
    entryPoints: [entry],
    absWorkingDir: CHECKOUT,
    outdir: "build",
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    platform: "browser",
    format,
    target: "es2024",
    conditions: ["browser"],
    external: [...external],
    legalComments: "none",
    logLevel: "silent",
  });
  const [output] = Object.values(metafile.outputs) as [Metafile["outputs"][string]];
  const inputs = Object.entries(output.inputs).map(([path, { bytesInOutput }]) => [path, bytesInOutput] as const);
  return {
    text: (outputFiles[0] as { text: string }).text,
    inputs: new Map(inputs.filter(([, bytes]) => bytes > 0)),
    imports: output.imports.map(({ path }) => path),
  };
}

/** The page in one file: works from a disk and from any server. */
export async function buildPage(): Promise<string> {
  const script = (await bundleForBrowser(join(PAGE, "main.ts"), { format: "iife" })).text.trim();
  const style = readFileSync(join(PAGE, "page.css"), "utf8");
  const parts: Readonly<Record<string, string>> = { script, style, policy: contentSecurityPolicy(script, style) };
  const template = readFileSync(join(PAGE, "index.html"), "utf8");
  return template.replaceAll(/\{\{(\w+)\}\}/g, (_, name: string) => parts[name] as string);
}

/** This script and this style alone run, and nothing is loaded from or sent to anywhere. */
function contentSecurityPolicy(script: string, style: string): string {
  const sha256 = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  return [
    "default-src 'none'",
    `script-src ${sha256(script)}`,
    `style-src ${sha256(style)}`,
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}
