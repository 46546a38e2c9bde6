import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { predictMeasurements } from "@constellation/eventlog";
import { cached, contentKey, hashTree } from "./cache.ts";
import { components, KUBERNETES_VERSION } from "./components.ts";
import { BuildError } from "./errors.ts";
import { buildDir, cacheDir, checkoutDir } from "./paths.ts";
import { type Flavour, runMkosi, stageExtraTree } from "./mkosi.ts";

const { values } = parseArgs({
  options: {
    flavour: { type: "string", default: "release" },
    // Builds although the cache has the image.
    fresh: { type: "boolean", default: false },
    // Folder for the files, instead of the one in build/.
    output: { type: "string" },
  },
});

/** Folders and files whose contents decide what the image is. */
const INPUTS = ["image", "node", "services", "packages", "proto", "package-lock.json"];

async function imageKey(flavour: Flavour): Promise<string> {
  const hashes = await Promise.all(
    INPUTS.map(async (name) => {
      const path = join(checkoutDir, name);
      return (await stat(path)).isDirectory() ? await hashTree(path) : await readFile(path);
    }),
  );
  return contentKey(flavour, ...hashes);
}

async function sha256File(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function buildImage(dir: string, flavour: Flavour): Promise<void> {
  const extra = join(dir, "extra");
  const stage = join(dir, "stage");
  await stageExtraTree(extra, stage, flavour);
  await runMkosi(dir, extra, flavour);
  await rm(extra, { recursive: true });
  await rm(stage, { recursive: true });
  const { pcrs } = predictMeasurements({ uki: await readFile(join(dir, "constellation.efi")) });
  const measurements = { version: 1, variant: "qemu-vtpm", flavour, measurements: { pcrs } };
  await writeFile(join(dir, "measurements.json"), `${JSON.stringify(measurements, null, 2)}\n`);
  const manifest = {
    version: 1,
    flavour,
    kubernetesVersion: `v${KUBERNETES_VERSION}`,
    sha256: await sha256File(join(dir, "constellation.raw")),
    uki: { sha256: await sha256File(join(dir, "constellation.efi")) },
    components: Object.keys(components),
    packages: JSON.parse(await readFile(join(dir, "packages.json"), "utf8")).packages,
  };
  await writeFile(join(dir, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Puts the built files where users look for them; the raw image is copied sparsely, by reference where it can be. */
async function publish(from: string, flavour: Flavour): Promise<string> {
  const to = resolve(values.output ?? join(buildDir, flavour === "release" ? "image" : `image-${flavour}`));
  await mkdir(to, { recursive: true });
  for (const name of ["constellation.raw", "constellation.efi", "measurements.json", "manifest.json"]) {
    const draft = join(to, `.${name}.draft`);
    await copyFile(join(from, name), draft);
    await rename(draft, join(to, name));
  }
  return to;
}

async function main(): Promise<void> {
  const flavour = values.flavour;
  if (flavour !== "release" && flavour !== "debug") {
    throw new BuildError("input_missing", `Build image failed: --flavour is '${flavour}', wanted 'release' or 'debug'`);
  }
  const started = performance.now();
  const key = await imageKey(flavour);
  if (values.fresh) await rm(join(cacheDir(), "images", key), { recursive: true, force: true });
  const built = await cached("images", key, (dir) => buildImage(dir, flavour));
  const place = await publish(built, flavour);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`image ${join(place, "constellation.raw")} ${seconds}s`);
}

await main().catch((error: unknown) => {
  console.error(error instanceof BuildError ? error.message : error);
  if (error instanceof BuildError && error.hint !== undefined) console.error(`hint: ${error.hint}`);
  process.exitCode = 1;
});
