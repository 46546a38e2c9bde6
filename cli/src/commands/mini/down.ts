import { CONFIG_FILE } from "@constellation/config";
import type { Context } from "../../context.ts";
import { CliError } from "../../errors.ts";
import { terminate, type TerminateResult } from "../terminate/terminate.ts";
import { MINI_NAME } from "./up.ts";

/** Options of `mini down`. */
export interface MiniDownOptions {
  readonly yes: boolean;
  readonly deleteMasterSecret: boolean;
  readonly deleteConfig: boolean;
}

/** Ends the small cluster and leaves nothing but, unless told otherwise, configuration and master secret. */
export async function miniDown(context: Context, options: MiniDownOptions): Promise<TerminateResult> {
  const { workspace } = context;
  if (workspace.has(CONFIG_FILE) && !context.force) {
    const { name } = await workspace.readConfig().catch(unreadable);
    if (name !== MINI_NAME) {
      throw new CliError("workspace", `End mini cluster failed: the cluster here is "${name}", wanted "${MINI_NAME}"`, {
        hint: "end other clusters with `constellation terminate`",
      });
    }
  }
  const result = await terminate(context, { ...options, deleteConfig: options.deleteConfig ? "delete" : "ask" });
  await workspace.removeIfEmpty();
  return result;
}

/** A configuration that can't be read may be another cluster's. */
function unreadable(cause: unknown): never {
  throw new CliError("workspace", `End mini cluster failed: the configuration does not say that it is "${MINI_NAME}"`, {
    cause,
    hint: "`constellation terminate` ends whatever cluster is here, and needs no configuration",
  });
}
