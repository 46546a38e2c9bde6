import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { json, text } from "node:stream/consumers";
import type { ClusterPki } from "./cluster-pki.ts";
import type { TestIdentity } from "./test-ca.ts";

/** How a raw request to the test API server proves itself. */
export type ApiCredentials = TestIdentity | { readonly token: string };

/** The answer to a raw request. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: { readonly [key: string]: unknown };
}

/** Sends one request to a test API server, over a connection of its own. */
export async function callApi(
  port: number,
  pki: ClusterPki,
  method: string,
  path: string,
  body: object | undefined,
  credentials: ApiCredentials,
): Promise<ApiAnswer> {
  const response = await send(port, pki, method, path, body, credentials);
  return { status: response.statusCode ?? 0, body: (await json(response)) as ApiAnswer["body"] };
}

/** Asks a test API server for its health, which it tells in plain text. */
export async function askHealth(
  port: number,
  pki: ClusterPki,
  path: string,
  credentials: ApiCredentials,
): Promise<{ status: number; text: string }> {
  const response = await send(port, pki, "GET", path, undefined, credentials);
  return { status: response.statusCode ?? 0, text: await text(response) };
}

function send(
  port: number,
  pki: ClusterPki,
  method: string,
  path: string,
  body: object | undefined,
  credentials: ApiCredentials,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const proof =
    "token" in credentials
      ? { headers: { "content-type": "application/json", authorization: `Bearer ${credentials.token}` } }
      : { headers: { "content-type": "application/json" }, cert: credentials.certificatePem, key: credentials.keyPem };
  const options = { host: "127.0.0.1", port, path, method, agent: false, ca: pki.clusterCa.certificatePem, ...proof };
  request(options)
    .once("response", resolve)
    .once("error", reject)
    .end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

/** A kubeconfig (JSON is YAML) with everything inside. */
export function kubeconfigText(host: string, port: number, caPem: string, identity: TestIdentity): string {
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    clusters: [
      { name: "test", cluster: { server: `https://${host}:${port}`, "certificate-authority-data": base64(caPem) } },
    ],
    users: [
      {
        name: "test",
        user: {
          "client-certificate-data": base64(identity.certificatePem),
          "client-key-data": base64(identity.keyPem),
        },
      },
    ],
  });
}
