import { join, resolve } from "node:path";
import { cached, contentKey, hashTree } from "@constellation/image/src/cache.ts";
import { GO_TOOLCHAIN } from "@constellation/image/src/components.ts";
import { step } from "@constellation/image/src/progress.ts";
import { run } from "@constellation/image/src/run.ts";

const SOURCE = resolve(import.meta.dirname, "../../peers");
const ENVIRONMENT = {
  CGO_ENABLED: "0",
  GOAMD64: "v1",
  GOFLAGS: "-mod=readonly",
  GOTOOLCHAIN: GO_TOOLCHAIN,
  GOWORK: "off",
};

/** Builds the program of the peers in Go from its pinned modules, kept by the content of what goes in. Gives its path. */
export async function buildPeers(): Promise<string> {
  const key = contentKey(await hashTree(SOURCE), JSON.stringify(ENVIRONMENT));
  const build = async (folder: string): Promise<void> => {
    const args = ["build", "-trimpath", "-buildvcs=false", "-o", join(folder, "peers"), "."];
    await step("peers of the benchmark", () => run("go", args, { cwd: SOURCE, env: ENVIRONMENT }));
  };
  return join(await cached("bench-peers", key, build), "peers");
}
