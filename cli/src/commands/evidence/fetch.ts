import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  describeBundle,
  gatherBundle,
  type Platforms,
  type SevSnpPlatform,
  type TdxPlatform,
  writeBundle,
} from "@constellation/endorsements";
import { type Product, REPORT_BYTES, SevSnpError } from "@constellation/sev-snp";
import { parseQuote, pckPlatformOf, TdxError } from "@constellation/tdx";
import type { Context, EndorsementOptions } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { formatTable } from "../../terminal/table.ts";
import { sevSnpPlatform } from "./platform.ts";
import { readFile } from "./read-case.ts";

/** Options of `evidence fetch`. */
export interface FetchOptions extends EndorsementOptions {
  readonly to: string;
  readonly product?: Product;
}

/**
 * Fetches what the reports and quotes in these files are verified with, and writes it to a bundle.
 * @throws CliError `usage` for files that are neither, EndorsementError where a vendor gives nothing
 */
export async function fetchEndorsements(
  context: Context,
  files: readonly string[],
  { to, product, ...options }: FetchOptions,
): Promise<void> {
  const platforms = platformsOf(
    files.map((file) => resolve(context.workingDirectory, file)),
    product,
  );
  const source = await context.dependencies.endorsements(options, context.debug);
  const bundle = await context.progress.step("Fetch endorsements", () =>
    gatherBundle(source, platforms, context.clock.now(), context.signal),
  );
  const path = resolve(context.workingDirectory, to);
  writeFileSync(path, writeBundle(bundle));
  const { parts } = describeBundle(bundle);
  context.io.err(`The endorsements were written to ${path}.\n`);
  if (context.json) return context.io.out(`${JSON.stringify({ bundle: path, parts }, null, 2)}\n`);
  const rows = parts.map(({ name, expires }) => [expires.toISOString().slice(0, 10), name]);
  context.io.out(`${formatTable([["OVER ON", "WHAT"], ...rows])}\n`);
}

function platformsOf(paths: readonly string[], product: Product | undefined): Platforms {
  const sevSnp: SevSnpPlatform[] = [];
  const tdx: TdxPlatform[] = [];
  for (const path of paths) {
    const bytes = readFile(path);
    try {
      if (bytes.length === REPORT_BYTES) sevSnp.push(sevSnpPlatform(path, bytes, product, "name it with --product"));
      else tdx.push(pckPlatformOf(parseQuote(bytes)));
    } catch (cause) {
      if (!(cause instanceof SevSnpError) && !(cause instanceof TdxError)) throw cause;
      const message = `Read ${path} failed: got neither an SEV-SNP report nor a TDX quote`;
      throw new CliError("usage", message, { cause });
    }
  }
  return { sevSnp, tdx };
}
