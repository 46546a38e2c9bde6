import { run } from "./run.ts";
import { BuildError } from "./errors.ts";

/** Debian release of the image, the tools and the containers that need a distribution. */
export const DEBIAN_SUITE = "trixie";

/**
 * Base address of the Debian archive: `CONSTELLATION_DEBIAN_MIRROR`, or the one this machine's apt uses.
 *
 * @throws BuildError `no_mirror` where neither is known
 */
export async function debianMirror(): Promise<string> {
  const own = process.env["CONSTELLATION_DEBIAN_MIRROR"];
  if (own !== undefined && own !== "") return own.replace(/\/$/, "");
  const targets = await run("apt-get", ["indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(COMPONENT)"]).catch(
    () => "",
  );
  for (const line of targets.split("\n")) {
    const [site, origin, component] = line.split(" ");
    if (site === undefined || origin !== "Debian" || component !== "main") continue;
    if (!site.includes("security")) return site.replace(/\/$/, "");
  }
  throw new BuildError("no_mirror", "Find a Debian archive failed: apt on this machine names none", {
    hint: "set CONSTELLATION_DEBIAN_MIRROR to the base address of a Debian mirror",
  });
}
