import type { JsonObject } from "@constellation/json";
import type { Secret } from "@constellation/keys";
import { KmsError, quoted } from "../error.ts";
import { call, type HttpAnswer, jsonOf, statusError, textOf, bodyText } from "../http/call.ts";
import type { Tools } from "../http/fetch.ts";
import type { Operation } from "../http/retry.ts";
import { readCredentials, textSecret } from "../http/text-secret.ts";

/** What requests to AWS are signed with. */
export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken?: Secret;
}

/** Gives the credentials of one request. */
export type AwsCredentialSource = (signal: AbortSignal) => Promise<AwsCredentials>;

/** Where credentials come from. */
export type AwsCredentialOptions =
  | { readonly from: "given"; readonly credentials: AwsCredentials }
  | { readonly from: "file"; readonly path: string; readonly profile: string }
  | { readonly from: "instance" };

const METADATA = "http://169.254.169.254/latest";
/** Rotated hours before they end; asked for again when minutes are left. */
const MARGIN_MS = 300_000;

/** A source of credentials. */
export function awsCredentials(
  options: AwsCredentialOptions,
  side: Operation["side"],
  tools: Tools,
): AwsCredentialSource {
  switch (options.from) {
    case "given":
      return () => Promise.resolve(options.credentials);
    case "file":
      return async (signal) => parseFile(await readCredentials(options.path, tools, signal), options);
    case "instance":
      return instanceCredentials(side, tools);
  }
}

/** A profile of a shared credentials file ("Configuration and credential file settings", AWS CLI user guide). */
function parseFile(text: string, { path, profile }: { path: string; profile: string }): AwsCredentials {
  const settings = new Map<string, string>();
  let section = "";
  for (const line of text.split(/\r?\n/)) {
    const [, header] = /^\s*\[\s*(.+?)\s*\]\s*$/.exec(line) ?? [];
    if (header !== undefined) section = header;
    const [, key, value] = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (key !== undefined && section === profile) settings.set(key, value as string);
  }
  const [id, key, token] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token"].map((n) =>
    settings.get(n),
  );
  if (!id || !key) {
    const message = `Read credentials failed: got no access key in profile ${quoted(profile)} of ${quoted(path)}`;
    throw new KmsError("credentials_unreadable", message);
  }
  return { accessKeyId: id, secretAccessKey: textSecret(key), ...(token ? { sessionToken: textSecret(token) } : {}) };
}

/** Those of the instance's role, by version 2 of the metadata service alone (EC2 user guide, "Use IMDS"). */
function instanceCredentials(side: Operation["side"], tools: Tools): AwsCredentialSource {
  let kept: { readonly credentials: AwsCredentials; readonly expiresAtMs: number } | undefined;
  return async (signal) => {
    if (kept === undefined || tools.now().getTime() > kept.expiresAtMs - MARGIN_MS) {
      kept = await fetchInstanceCredentials({ side, name: "Get credentials of the AWS instance" }, tools, signal);
    }
    return kept.credentials;
  };
}

async function fetchInstanceCredentials(
  operation: Operation,
  tools: Tools,
  signal: AbortSignal,
): Promise<{ credentials: AwsCredentials; expiresAtMs: number }> {
  const ask = <T>(method: "GET" | "PUT", path: string, headers: Record<string, string>, read: (a: HttpAnswer) => T) =>
    call(
      operation,
      tools,
      signal,
      () => ({ method, url: `${METADATA}/${path}`, headers }),
      (answer) => {
        if (answer.status === 200) return read(answer);
        if (answer.status >= 500 || answer.status === 429) throw statusError(operation, answer, "");
        const message = `${operation.name} failed: got status "${answer.status}", wanted "200": the instance has no role`;
        throw new KmsError("credentials_unreadable", message);
      },
    );
  const token = await ask("PUT", "api/token", { "x-aws-ec2-metadata-token-ttl-seconds": "300" }, bodyText);
  const headers = { "x-aws-ec2-metadata-token": token };
  const roles = "meta-data/iam/security-credentials/";
  const role = (await ask("GET", roles, headers, bodyText)).trim();
  if (!/^[\w+=,.@-]{1,64}$/.test(role)) {
    throw new KmsError("credentials_unreadable", `${operation.name} failed: got role ${quoted(role)}, wanted a name`);
  }
  const json = await ask("GET", `${roles}${role}`, headers, (answer) => jsonOf(operation, answer));
  return {
    credentials: readCredentialsOf(operation, json),
    expiresAtMs: Date.parse(textOf(operation, json, "Expiration")),
  };
}

function readCredentialsOf(operation: Operation, json: JsonObject): AwsCredentials {
  return {
    accessKeyId: textOf(operation, json, "AccessKeyId"),
    secretAccessKey: textSecret(textOf(operation, json, "SecretAccessKey")),
    sessionToken: textSecret(textOf(operation, json, "Token")),
  };
}
