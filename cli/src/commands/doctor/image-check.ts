import { dirname, join } from "node:path";
import { type Config, staleMeasurements } from "@constellation/config";
import { findImage, type NodeImage, readImage } from "../../cluster/image.ts";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { failed, type Finding } from "./doctor.ts";

const MANIFEST_FILE = "manifest.json";
const REBUILD = "build the image again with `make image`";

/**
 * Looks whether the node image is there, whole, and the one that the configuration expects.
 *
 * @returns findings, and the image's path if it is there
 */
export async function examineImage(
  context: Context,
  config: Config | undefined,
): Promise<{ findings: Finding[]; path: string | undefined }> {
  let image: NodeImage;
  try {
    image = config === undefined ? await findImage(context) : await readImage(context, config.image);
  } catch (error) {
    return { findings: [failed("node image", error, REBUILD)], path: undefined };
  }
  const findings = [await examineDigest(context, image)];
  const stale = config === undefined ? [] : staleMeasurements(config, image.measurements);
  if (stale.length > 0) {
    findings.push({
      name: "measurements",
      outcome: "warning",
      text: `the configuration expects other values than this image has (PCR ${stale.join(", ")})`,
      remedy: "take over the image's values from measurements.json, if you trust this image",
    });
  }
  return { findings, path: image.path };
}

/**
 * Reads the whole image before machines are made from it: a node whose image is damaged fails late and says little.
 *
 * @throws CliError `image` if it is not what its manifest says, unless --force
 */
export async function requireWholeImage(context: Context, image: NodeImage): Promise<void> {
  const { outcome, text, remedy } = await context.progress.step("Check the node image", () =>
    examineDigest(context, image),
  );
  if (outcome === "ok") return;
  if (!context.force) {
    throw new CliError("image", `Check node image failed: ${text}`, {
      hint: `${remedy}, or use --force to go on nevertheless`,
    });
  }
  context.io.err(`Warning: ${text}\n`);
}

async function examineDigest(context: Context, image: NodeImage): Promise<Finding> {
  const machine = await context.dependencies.machine();
  const expected = digestOf(await machine.readText(join(dirname(image.path), MANIFEST_FILE)));
  if (expected === undefined) {
    return {
      name: "node image",
      outcome: "failed",
      text: `${MANIFEST_FILE} beside it names no digest of "${image.path}"`,
      remedy: REBUILD,
    };
  }
  const actual = await machine.sha256(image.path, context.signal);
  if (actual === expected)
    return { name: "node image", outcome: "ok", text: `${image.path}, sha256 ${actual.slice(0, 16)}...` };
  return {
    name: "node image",
    outcome: "failed",
    text: `"${image.path}" is damaged: got sha256 ${actual ?? "of nothing"}, wanted ${expected}`,
    remedy: REBUILD,
  };
}

/** The digest of the image in `manifest.json`: `{"sha256": "<hex>"}`. */
function digestOf(manifest: string | undefined): string | undefined {
  if (manifest === undefined) return undefined;
  try {
    const { sha256 } = JSON.parse(manifest) as { sha256?: unknown };
    return typeof sha256 === "string" ? sha256.toLowerCase() : undefined;
  } catch {
    return undefined;
  }
}
