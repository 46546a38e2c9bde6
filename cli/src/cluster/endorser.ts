import { readFile } from "node:fs/promises";
import type { EndorsementSource } from "@constellation/endorsements";
import type { Context } from "../context.ts";
import { CliError } from "../errors.ts";
import type { Endorser } from "../ports/cluster.ts";

/** Endorsements for machines or an operator without a network, in the workspace; `constellation evidence fetch` writes it. */
const ENDORSEMENTS_FILE = "constellation-endorsements.json";

/**
 * Adds to evidence the endorsements that its machine did not send along: from the workspace's bundle where there is one,
 * and from nowhere else then; otherwise from the vendors. Evidence of local machines has none to add.
 */
export function endorserOf(context: Context): Endorser {
  return async (evidence, signal) => {
    const { endorseEvidence } = await import("@constellation/endorsements/evidence");
    const endorsed = await endorseEvidence(evidence, await sourceOf(context), signal);
    for (const error of endorsed.missing) context.debug(`endorsement missing: ${error.message}`);
    return endorsed.evidence;
  };
}

async function sourceOf(context: Context): Promise<EndorsementSource> {
  const { workspace, dependencies, debug } = context;
  if (!workspace.has(ENDORSEMENTS_FILE)) return await dependencies.endorsements({ reload: false }, debug);
  const { bundleSource, EndorsementError, readBundle } = await import("@constellation/endorsements");
  try {
    return bundleSource(readBundle(new Uint8Array(await readFile(workspace.path(ENDORSEMENTS_FILE)))));
  } catch (cause) {
    if (!(cause instanceof EndorsementError)) throw cause;
    throw new CliError("workspace", `Read ${workspace.show(ENDORSEMENTS_FILE)} failed: ${cause.message}`, {
      cause,
      hint: "write it anew with `constellation evidence fetch`, or remove it to ask the vendors",
    });
  }
}
