import { parse } from "yaml";
import type { Credentials } from "./credentials.ts";
import { KubeError } from "./errors.ts";

/** The API server and the credentials that a kubeconfig's current context names. */
export interface KubeconfigTarget {
  readonly server: URL;
  readonly credentials: Credentials;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a kubeconfig with everything inside it: no paths to other files, no helper programs, no skipped checks.
 * @throws KubeError `kubeconfig_invalid`
 */
export function parseKubeconfig(yamlText: string): KubeconfigTarget {
  const config = fieldsOf(parseYaml(yamlText), "kubeconfig");
  const context = named(config, "contexts", "context", textField(config, "current-context", "kubeconfig"));
  const cluster = named(config, "clusters", "cluster", textField(context, "cluster", "context"));
  const user = named(config, "users", "user", textField(context, "user", "context"));
  refuseFields(cluster, "cluster", [
    "insecure-skip-tls-verify",
    "certificate-authority",
    "tls-server-name",
    "proxy-url",
  ]);
  refuseFields(user, "user", [
    "exec",
    "auth-provider",
    "tokenFile",
    "client-certificate",
    "client-key",
    "username",
    "as",
  ]);
  return { server: serverUrl(cluster), credentials: credentialsOf(cluster, user) };
}

function credentialsOf(cluster: Fields, user: Fields): Credentials {
  const ca = base64Field(cluster, "certificate-authority-data", "cluster");
  if (user.token !== undefined) return { ca, token: textField(user, "token", "user") };
  return {
    ca,
    clientCertificate: base64Field(user, "client-certificate-data", "user"),
    clientKey: base64Field(user, "client-key-data", "user"),
  };
}

function serverUrl(cluster: Fields): URL {
  const text = textField(cluster, "server", "cluster");
  const url = URL.parse(text);
  if (url === null || url.protocol !== "https:") throw invalid("cluster.server", JSON.stringify(text), "an https URL");
  return url;
}

function parseYaml(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 0 });
  } catch {
    // The cause is left out: a YAML error quotes the text, which holds a private key.
    throw invalid("kubeconfig", "other text", "YAML");
  }
}

function named(config: Fields, list: string, key: string, name: string): Fields {
  const items: unknown = config[list];
  const found = (Array.isArray(items) ? items : []).find(
    (item: unknown) => (item as { name?: unknown })?.name === name,
  );
  if (found === undefined) throw invalid(list, "no such entry", `an entry named ${JSON.stringify(name)}`);
  return fieldsOf((found as Fields)[key], key);
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw invalid(what, value === undefined ? "nothing" : "something else", "a mapping");
}

function textField(fields: Fields, key: string, what: string): string {
  const value = fields[key];
  if (typeof value === "string" && value !== "") return value;
  throw invalid(`${what}.${key}`, value === undefined ? "nothing" : "something else", "text");
}

function base64Field(fields: Fields, key: string, what: string): string {
  return Buffer.from(textField(fields, key, what), "base64").toString("utf8");
}

function refuseFields(fields: Fields, what: string, keys: readonly string[]): void {
  const found = keys.find((key) => fields[key] !== undefined && fields[key] !== false);
  if (found !== undefined) throw invalid(`${what}.${found}`, "a value", "it left out");
}

function invalid(field: string, got: string, wanted: string): KubeError {
  return new KubeError("kubeconfig_invalid", `Parse kubeconfig failed: ${field}: got ${got}, wanted ${wanted}`);
}
