import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { predictMeasurements } from "@constellation/eventlog";
import { cached, contentKey, dropOlder, entryPlace, sha256File } from "./cache.ts";
import { KUBERNETES_VERSION } from "./components.ts";
import { SERVICE_VERSION } from "./containers.ts";
import { BuildError, writing } from "./errors.ts";
import { describeInputs, findIngredients } from "./ingredients.ts";
import { buildDir } from "./paths.ts";
import { type Flavour, runMkosi, stageExtraTree } from "./mkosi.ts";
import { billOfMaterials } from "./sbom.ts";
import { step } from "./progress.ts";
import { hashSources } from "./sources.ts";

const { values } = parseArgs({
  options: {
    flavour: { type: "string", default: "release" },
    // Builds although the cache has the image.
    fresh: { type: "boolean", default: false },
    // Folder for the files, instead of the one in build/.
    output: { type: "string" },
  },
});

async function buildImage(dir: string, flavour: Flavour, sources: Record<string, string>): Promise<void> {
  const extra = join(dir, "extra");
  const stage = join(dir, "stage");
  const bundles = await step("files of the node image", () => stageExtraTree(extra, stage, flavour));
  await step("node image", () => runMkosi(dir, extra, flavour));
  const ingredients = await findIngredients(dir, extra, bundles);
  await rm(extra, { recursive: true });
  await rm(stage, { recursive: true });
  const { pcrs } = predictMeasurements({ uki: await readFile(join(dir, "constellation.efi")) });
  const measurements = { version: 1, variant: "qemu-vtpm", flavour, measurements: { pcrs } };
  await writeJson(join(dir, "measurements.json"), measurements);
  const sha256 = await sha256File(join(dir, "constellation.raw"));
  const sbom = billOfMaterials(ingredients, { flavour, version: SERVICE_VERSION, sha256 });
  await writeJson(join(dir, "sbom.spdx.json"), sbom);
  const manifest = {
    version: 1,
    flavour,
    kubernetesVersion: `v${KUBERNETES_VERSION}`,
    sha256,
    uki: { sha256: await sha256File(join(dir, "constellation.efi")) },
    packages: JSON.parse(await readFile(join(dir, "packages.json"), "utf8")).packages,
    inputs: { sources, ...(await describeInputs(ingredients)) },
  };
  await writeJson(join(dir, "manifest.json"), manifest);
  if (JSON.stringify(await hashSources()) !== JSON.stringify(sources)) {
    throw new BuildError("input_missing", "Build image failed: sources were changed while it was built", {
      hint: "build again",
    });
  }
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Both flavours as they are, and as they were before the last change: more than a gigabyte each. */
const KEPT_IMAGES = 4;

/** Files of a build that users need. */
const PUBLISHED = ["constellation.raw", "constellation.efi", "measurements.json", "manifest.json", "sbom.spdx.json"];

/** Puts the built files where users look for them; the raw image is copied sparsely, by reference where it can be. */
async function publish(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of PUBLISHED) {
    const draft = join(to, `.${name}.draft`);
    try {
      await copyFile(join(from, name), draft);
      await rename(draft, join(to, name));
    } finally {
      await rm(draft, { force: true });
    }
  }
}

async function main(): Promise<void> {
  const flavour = values.flavour;
  if (flavour !== "release" && flavour !== "debug") {
    throw new BuildError("input_missing", `Build image failed: --flavour is '${flavour}', wanted 'release' or 'debug'`);
  }
  const started = performance.now();
  const sources = await hashSources();
  const key = contentKey(flavour, ...Object.values(sources));
  if (values.fresh) await rm(entryPlace("images", key), { recursive: true, force: true });
  const built = await cached("images", key, (dir) => buildImage(dir, flavour, sources));
  const to = resolve(values.output ?? join(buildDir, flavour === "release" ? "image" : `image-${flavour}`));
  await writing(to, () => publish(built, to));
  await dropOlder("images", KEPT_IMAGES);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`image ${join(to, "constellation.raw")} ${seconds}s`);
}

await main().catch((error: unknown) => {
  console.error(error instanceof BuildError ? error.message : error);
  if (error instanceof BuildError && error.hint !== undefined) console.error(`hint: ${error.hint}`);
  process.exitCode = 1;
});
