import { fromUtf8, utf8 } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { KmsError, quoted } from "../error.ts";
import type { Tools } from "./fetch.ts";

const MAX_FILE_BYTES = 64 * 1024;

/** A text as a secret: a token or password. */
export function textSecret(text: string): Secret {
  return new Secret(utf8(text));
}

/** The text of such a secret, for a header or body that carries it. */
export function revealText(secret: Secret): string {
  return fromUtf8(secret.reveal());
}

/** A small file, read anew each time as those who renew it replace it. @throws KmsError `credentials_unreadable` */
export async function readCredentials(
  path: string,
  tools: Pick<Tools, "readFile">,
  signal: AbortSignal,
): Promise<string> {
  try {
    const bytes = await tools.readFile(path, signal);
    if (bytes.length > 0 && bytes.length <= MAX_FILE_BYTES) return fromUtf8(bytes);
  } catch (cause) {
    throw new KmsError("credentials_unreadable", `Read credentials failed: got no readable file ${quoted(path)}`, {
      cause,
    });
  }
  const message = `Read credentials failed: got a file ${quoted(path)} of another size, wanted 1 to ${MAX_FILE_BYTES} bytes`;
  throw new KmsError("credentials_unreadable", message);
}

/** A file with one token or password in it. @throws KmsError `credentials_unreadable` */
export async function readSecretFile(
  path: string,
  tools: Pick<Tools, "readFile">,
  signal: AbortSignal,
): Promise<Secret> {
  const text = (await readCredentials(path, tools, signal)).trim();
  if (/^[\x21-\x7e]+$/.test(text)) return textSecret(text);
  const message = `Read credentials failed: got a file ${quoted(path)} of other form, wanted one word of visible ASCII`;
  throw new KmsError("credentials_unreadable", message);
}
