import { join } from "node:path";
import { build } from "esbuild";
import { Program } from "./program.ts";

/** How the image bundles a service: one file that needs Node.js and nothing else. */
export async function bundleService(entry: string, outfile: string): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node24",
    minifySyntax: true,
    logLevel: "silent",
  });
}

/**
 * Flags of Node.js for our pods, as in the image: they hold little, so that a small heap keeps their memory small, and
 * marking it in one go costs less than in steps.
 */
export const POD_NODE_FLAGS: readonly string[] = [
  "--max-semi-space-size=1",
  "--max-old-space-size=64",
  "--no-incremental-marking",
];

/** Runs a bundle with free ports and waits until it listens; its first words say how much memory it holds. */
export async function startBundle(
  name: string,
  bundle: string,
  directory: string,
  flags: Readonly<Record<string, string>>,
): Promise<{ program: Program; rssBytes: number }> {
  const all = { host: "127.0.0.1", port: "0", "health-port": "0", ...flags };
  const args = Object.entries(all).map(([flag, value]) => `--${flag}=${value}`);
  const program = new Program(
    name,
    process.execPath,
    [...POD_NODE_FLAGS, bundle, ...args],
    join(directory, `${name}.log`),
  );
  let rssBytes = 0;
  await program.ready(async () => {
    const started = /"event":"started","rssBytes":(\d+)/.exec(await program.output());
    if (started === null) throw new Error("it has not started yet");
    rssBytes = Number(started[1]);
  }, 60_000);
  return { program, rssBytes };
}
