import { NodeError } from "../errors.ts";
import type { ApiAnswer } from "./api-client.ts";

/** A Kubernetes object as far as applying needs to know it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** Sends one request to the API server. */
export type Send = (
  method: "GET" | "PATCH",
  path: string,
  body: object | undefined,
  signal: AbortSignal,
) => Promise<ApiAnswer>;

const QUERY = "?fieldManager=constellation&force=true";
const CONCURRENCY = 6;
/** What others live in or refer to comes before them. */
const FIRST_KINDS = ["Namespace", "CustomResourceDefinition", "PriorityClass", "ServiceAccount"];

/**
 * Applies objects on the server side (kubectl's `apply --server-side --force-conflicts`): what is not there is created,
 * what is there becomes as stated, fields of others stay. Can be repeated.
 * @throws NodeError `kubernetes` naming the first object that was not taken
 */
export async function applyObjects(objects: readonly KubeObject[], send: Send, signal: AbortSignal): Promise<void> {
  const paths = new ResourcePaths(send, signal);
  const apply = async (object: KubeObject): Promise<void> => {
    const path = await paths.of(object);
    const { status, body } = await send("PATCH", path + QUERY, object, signal);
    if (status === 200 || status === 201) return;
    throw applyError(object, status, body);
  };
  const first = objects.filter(({ kind }) => FIRST_KINDS.includes(kind));
  const others = objects.filter(({ kind }) => !FIRST_KINDS.includes(kind));
  for (const group of [first, others]) await inParallel(group, apply);
}

async function inParallel<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, queue.length) }, worker));
}

/** Paths of objects, by asking the API server once for what each group and version has. */
class ResourcePaths {
  readonly #send: Send;
  readonly #signal: AbortSignal;
  readonly #known = new Map<string, Promise<Resource[]>>();

  constructor(send: Send, signal: AbortSignal) {
    this.#send = send;
    this.#signal = signal;
  }

  async of(object: KubeObject): Promise<string> {
    const { apiVersion, kind, metadata } = object;
    const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    let resources = this.#known.get(root);
    if (resources === undefined) {
      resources = this.#discover(root);
      this.#known.set(root, resources);
    }
    const resource = (await resources).find((entry) => entry.kind === kind && !entry.name.includes("/"));
    if (resource === undefined) {
      throw new NodeError("kubernetes", `Apply ${kind} "${metadata.name}" failed: got no such kind in "${apiVersion}"`);
    }
    const namespace = resource.namespaced ? `/namespaces/${encodeURIComponent(metadata.namespace ?? "default")}` : "";
    return `${root}${namespace}/${resource.name}/${encodeURIComponent(metadata.name)}`;
  }

  async #discover(root: string): Promise<Resource[]> {
    const { status, body } = await this.#send("GET", root, undefined, this.#signal);
    const { resources } = (body ?? {}) as { resources?: Resource[] };
    if (status === 200 && resources !== undefined) return resources;
    throw new NodeError("kubernetes", `Discover "${root}" failed: got status "${status}", wanted "200"`);
  }
}

interface Resource {
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Only the server's own message: the object itself may be a secret. */
function applyError({ kind, metadata }: KubeObject, status: number, body: unknown): NodeError {
  const message = (body as { message?: unknown } | undefined)?.message;
  const detail = typeof message === "string" && kind !== "Secret" ? `: ${message.slice(0, 500)}` : "";
  return new NodeError("kubernetes", `Apply ${kind} "${metadata.name}" failed: got status "${status}"${detail}`);
}
