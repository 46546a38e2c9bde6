import { join, resolve } from "node:path";
import { cached, contentKey, hashTree } from "@constellation/image/src/cache.ts";
import { buildComponent, type ComponentName, components } from "@constellation/image/src/components.ts";
import { run } from "@constellation/image/src/run.ts";

/** Top folder of the checkout. */
export const CHECKOUT: string = resolve(import.meta.dirname, "../../..");

const PROBE_SOURCE = join(CHECKOUT, "e2e/probe");
const GO_ENVIRONMENT = { CGO_ENABLED: "0", GOARCH: "amd64", GOOS: "linux", GOFLAGS: "-mod=readonly", GOWORK: "off" };

/** Path of a program of an upstream component, built where it is not in the cache. */
export async function componentProgram(component: ComponentName, program: string): Promise<string> {
  return join(await buildComponent(components[component]), program);
}

/** Path of our own program for the tests' pods, built where it is not in the cache. */
export async function probeProgram(): Promise<string> {
  const key = contentKey("e2e-probe", await hashTree(PROBE_SOURCE), JSON.stringify(GO_ENVIRONMENT));
  const folder = await cached("components", key, async (draft) => {
    const args = ["build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", join(draft, "probe")];
    await run("go", [...args, "."], { cwd: PROBE_SOURCE, env: GO_ENVIRONMENT });
  });
  return join(folder, "probe");
}
