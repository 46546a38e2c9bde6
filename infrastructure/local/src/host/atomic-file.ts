import { randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { LocalError, systemErrorCode } from "../errors.ts";
import { writing } from "./no-space.ts";

/**
 * Replaces `path` by `content` so that a crash at any moment leaves either the old file or the new one, whole.
 * The file is readable by its owner only.
 * @throws LocalError "no-space"
 */
export async function writeFileAtomic(path: string, content: string | Uint8Array): Promise<void> {
  await writing(path, () => replaceFile(path, content));
}

async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

/** Makes a rename, link or unlink in `folder` durable. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Creates `path` and its parents, readable by their owner only. @throws LocalError "no-space" */
export async function makePrivateFolder(path: string): Promise<void> {
  await writing(path, () => mkdir(path, { recursive: true, mode: 0o700 }));
}

/**
 * The JSON document at `path`, or undefined when there is no such file.
 * @throws LocalError "state-corrupt" when it is not JSON
 */
export async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new LocalError("state-corrupt", `Read "${path}" failed: got ${text.length} characters that are no JSON`, {
      cause,
      hint: "terminate the cluster and create it again",
    });
  }
}
