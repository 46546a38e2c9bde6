import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { RegistryMirror } from "@constellation/cluster-state";
import { writeFileAtomic } from "../disk/files.ts";

/**
 * Writes containerd's `hosts.toml` for each mirrored registry, and takes away those of an earlier boot. The upstream
 * registry itself is not asked as a last resort: a mirror is also the way to run without the internet.
 */
export async function writeRegistryMirrors(directory: string, mirrors: readonly RegistryMirror[]): Promise<void> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o755 });
  for (const { registry, endpoints } of mirrors) {
    await writeFileAtomic(join(directory, registry, "hosts.toml"), hostsToml(endpoints), 0o644);
  }
}

/** The text of one `hosts.toml` (containerd, "Registry Configuration"). */
export function hostsToml(endpoints: readonly string[]): string {
  const [first] = endpoints;
  const server = first === undefined ? "" : `server = ${quoted(first)}\n`;
  const hosts = endpoints.map((url) => `\n[host.${quoted(url)}]\n  capabilities = ["pull", "resolve"]\n`);
  return server + hosts.join("");
}

// A URL that passed validation has no control characters; JSON's escapes for the rest are TOML's too.
function quoted(text: string): string {
  return JSON.stringify(text);
}
