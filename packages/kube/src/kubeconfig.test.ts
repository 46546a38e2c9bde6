import assert from "node:assert/strict";
import { test } from "node:test";
import { stringify } from "yaml";
import { KubeError } from "./errors.ts";
import { parseKubeconfig } from "./kubeconfig.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const SECRET = "-----BEGIN PRIVATE KEY----- do not print";

function kubeconfig() {
  const cluster: Record<string, unknown> = {
    server: "https://10.42.0.10:6443",
    "certificate-authority-data": base64("CA"),
  };
  const user: Record<string, unknown> = {
    "client-certificate-data": base64("CERT"),
    "client-key-data": base64(SECRET),
  };
  return {
    apiVersion: "v1",
    kind: "Config",
    "current-context": "b",
    contexts: [
      { name: "a", context: { cluster: "none", user: "none" } },
      { name: "b", context: { cluster: "c", user: "u" } },
    ],
    clusters: [{ name: "c", cluster }],
    users: [{ name: "u", user }],
  };
}

test("parseKubeconfig() follows the current context", () => {
  const { server, credentials } = parseKubeconfig(stringify(kubeconfig()));
  assert.equal(server.href, "https://10.42.0.10:6443/");
  assert.deepEqual(credentials, { ca: "CA", clientCertificate: "CERT", clientKey: SECRET });
});

test("parseKubeconfig() reads a token", () => {
  const config = kubeconfig();
  config.users = [{ name: "u", user: { token: "t" } }];
  assert.deepEqual(parseKubeconfig(stringify(config)).credentials, { ca: "CA", token: "t" });
});

type Change = (config: ReturnType<typeof kubeconfig>) => void;
const set = (part: "cluster" | "user", key: string, value: unknown): Change => {
  return (config) => {
    const fields = part === "cluster" ? config.clusters[0]?.cluster : config.users[0]?.user;
    if (fields !== undefined) fields[key] = value;
  };
};
const refused: [string, RegExp, Change][] = [
  ["a context that is not there", /"missing"/, (config) => Object.assign(config, { "current-context": "missing" })],
  ["no clusters", /clusters/, (config) => Object.assign(config, { clusters: null })],
  ["plain HTTP", /cluster\.server/, set("cluster", "server", "http://10.42.0.10:6443")],
  ["no CA", /certificate-authority-data/, set("cluster", "certificate-authority-data", undefined)],
  ["a skipped TLS check", /insecure-skip-tls-verify/, set("cluster", "insecure-skip-tls-verify", true)],
  ["a proxy", /proxy-url/, set("cluster", "proxy-url", "http://x")],
  ["a helper program", /exec/, set("user", "exec", { command: "sh" })],
  ["a key in another file", /client-key/, set("user", "client-key", "/root/key")],
  ["no client key", /client-key-data/, set("user", "client-key-data", undefined)],
];
for (const [what, message, change] of refused) {
  test(`parseKubeconfig() refuses ${what}`, () => {
    const config = kubeconfig();
    change(config);
    assert.throws(
      () => parseKubeconfig(stringify(config)),
      (error: unknown) =>
        error instanceof KubeError && error.code === "kubeconfig_invalid" && message.test(error.message),
    );
  });
}

test("parseKubeconfig() refuses text that is no YAML without quoting it", () => {
  assert.throws(
    () => parseKubeconfig(`a: [${SECRET}\n]]: {`),
    (error: unknown) => error instanceof KubeError && !`${error.stack}${String(error.cause)}`.includes("do not print"),
  );
});
