import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ApiAnswer } from "./api-client.ts";
import { applyObjects, type KubeObject, type Send } from "./apply.ts";

const signal = new AbortController().signal;
const RESOURCES: Record<string, object> = {
  "/api/v1": {
    resources: [
      { name: "namespaces", kind: "Namespace", namespaced: false },
      { name: "secrets", kind: "Secret", namespaced: true },
      { name: "pods/status", kind: "Pod", namespaced: true },
    ],
  },
  "/apis/apps/v1": { resources: [{ name: "daemonsets", kind: "DaemonSet", namespaced: true }] },
};
const SECRET: KubeObject = { apiVersion: "v1", kind: "Secret", metadata: { name: "s", namespace: "kube-system" } };
const NAMESPACE: KubeObject = { apiVersion: "v1", kind: "Namespace", metadata: { name: "n" } };
const DAEMON_SET: KubeObject = { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "d" } };

function server(answer: (path: string) => ApiAnswer = () => ({ status: 201, body: {} })): {
  calls: string[];
  send: Send;
} {
  const calls: string[] = [];
  const send: Send = (method, path) => {
    calls.push(`${method} ${path}`);
    if (method === "GET") return Promise.resolve({ status: 200, body: RESOURCES[path] });
    return Promise.resolve(answer(path));
  };
  return { calls, send };
}

describe("applyObjects()", () => {
  test("patches each object where its kind lives, namespaces first, and discovers each group once", async () => {
    const { calls, send } = server();
    await applyObjects([DAEMON_SET, SECRET, SECRET, NAMESPACE], send, signal);
    assert.deepEqual(calls, [
      "GET /api/v1",
      "PATCH /api/v1/namespaces/n?fieldManager=constellation&force=true",
      "GET /apis/apps/v1",
      "PATCH /api/v1/namespaces/kube-system/secrets/s?fieldManager=constellation&force=true",
      "PATCH /api/v1/namespaces/kube-system/secrets/s?fieldManager=constellation&force=true",
      "PATCH /apis/apps/v1/namespaces/default/daemonsets/d?fieldManager=constellation&force=true",
    ]);
  });

  test("names the object that was not taken, with the server's words", async () => {
    const { send } = server(() => ({ status: 422, body: { message: "spec is invalid" } }));
    await assert.rejects(
      applyObjects([DAEMON_SET], send, signal),
      /^NodeError: Apply DaemonSet "d" failed: got status "422": spec is invalid$/,
    );
  });

  test("does not repeat the server's words about a secret", async () => {
    const { send } = server(() => ({ status: 400, body: { message: "cannot decode c2VjcmV0" } }));
    await assert.rejects(applyObjects([SECRET], send, signal), (error: Error) => !error.message.includes("c2VjcmV0"));
  });

  test("refuses a kind that the server does not have", async () => {
    const { send } = server();
    const pod: KubeObject = { apiVersion: "v1", kind: "Pod", metadata: { name: "p" } };
    await assert.rejects(applyObjects([pod], send, signal), { code: "kubernetes" });
  });

  test("fails where the server can't say what it has", async () => {
    const send: Send = () => Promise.resolve({ status: 403, body: {} });
    await assert.rejects(applyObjects([SECRET], send, signal), { code: "kubernetes" });
  });
});
