import { dirname, join, resolve } from "node:path";
import { type ImageMeasurements, parseImageMeasurements } from "@constellation/config";
import type { Context } from "../context.ts";
import { CliError } from "../errors.ts";

/** Name of the file with expected measurements beside a node image. */
const MEASUREMENTS_FILE = "measurements.json";

/** Where `make image` puts the node image, seen from the checkout. */
const DEFAULT_IMAGE = "build/image/constellation.raw";

/** A node image with the values that a node booted from it will measure. */
export interface NodeImage {
  /** Absolute path. */
  readonly path: string;
  readonly measurements: ImageMeasurements;
  /** Whether it is a debug image, into whose nodes people can look. */
  readonly debug: boolean;
}

/**
 * Finds a node image: the one named, else `build/image/constellation.raw` under the working directory or this program's
 * checkout.
 *
 * @throws CliError `image` if there is none; ConfigError if its measurements are damaged
 */
export async function findImage(context: Context, named?: string): Promise<NodeImage> {
  const candidates =
    named === undefined
      ? [resolve(context.workingDirectory, DEFAULT_IMAGE), resolve(context.programFolder, DEFAULT_IMAGE)]
      : [resolve(context.workingDirectory, named)];
  const machine = await context.dependencies.machine();
  for (const path of candidates) {
    if ((await machine.fileSizeBytes(path)) !== undefined) return readImage(context, path);
  }
  const places = [...new Set(candidates)].map((path) => `"${path}"`).join(" or ");
  throw new CliError("image", `Find node image failed: there is none at ${places}`, { hint: BUILD_HINT });
}

/**
 * Opens the image that a configuration names.
 *
 * @throws CliError `image` if the image, or the file with its measurements, is missing
 */
export async function readImage(context: Context, path: string): Promise<NodeImage> {
  const machine = await context.dependencies.machine();
  const absolute = context.workspace.path(path);
  if ((await machine.fileSizeBytes(absolute)) === undefined) {
    throw new CliError("image", `Open node image failed: there is no file "${absolute}"`, { hint: BUILD_HINT });
  }
  const measurementsPath = join(dirname(absolute), MEASUREMENTS_FILE);
  const json = await machine.readText(measurementsPath);
  if (json === undefined) {
    throw new CliError("image", `Open node image failed: "${measurementsPath}" is missing beside it`, {
      hint: BUILD_HINT,
    });
  }
  const measurements = parseImageMeasurements(json, measurementsPath);
  return { path: absolute, measurements, debug: (JSON.parse(json) as { flavour?: unknown }).flavour === "debug" };
}

const BUILD_HINT = "build it with `make image`, or name another with --image";
