import { KubeError } from "./errors.ts";
import { segment } from "./names.ts";
import { apiVersionOf, type KubeObject, type ResourceType } from "./resource-type.ts";
import { statusError } from "./status.ts";
import type { KubeRequest } from "./transport.ts";

/** How resources reach the API server. */
export interface ResourceCalls {
  json<T>(
    operation: string,
    method: KubeRequest["method"],
    path: string,
    kind: string | undefined,
    content: Pick<KubeRequest, "body" | "contentType">,
    signal: AbortSignal | undefined,
  ): Promise<T>;
  lines(operation: string, path: string, timeoutMs: number, signal: AbortSignal): AsyncIterable<string>;
}

/** Which object is meant; `namespace` for kinds that have one. */
export interface ObjectKey {
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Which objects to list or watch; all of all namespaces if nothing is said. */
export interface Selection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/** A whole list, and the version from which a watch goes on. */
export interface KubeList<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

/** One change that a watch tells. A bookmark is none: its object has nothing but a resource version. */
export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: T;
}

/** A JSON merge patch (RFC 7396); with `metadata.resourceVersion` a change by another meanwhile gives `conflict`. */
export type MergePatch = Readonly<Record<string, unknown>>;

const PAGE_SIZE = 500;
const WATCH_SECONDS = 240;
// What the server may be late in ending a watch before it counts as gone.
const WATCH_GRACE_MS = 15_000;
const EVENT_TYPES: ReadonlySet<unknown> = new Set(["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]);

/** The objects of one kind at the API server. Every method throws KubeError only. */
export class KubeResources<T extends KubeObject> {
  readonly type: ResourceType<T>;
  readonly #calls: ResourceCalls;

  constructor(type: ResourceType<T>, calls: ResourceCalls) {
    this.type = type;
    this.#calls = calls;
  }

  async get(key: ObjectKey, signal?: AbortSignal): Promise<T> {
    return this.#object("Get", "GET", key, "", {}, signal);
  }

  /** Lists in pages, so that no answer grows with the cluster. What is listed is what etcd had, not what a cache had. */
  async list(selection: Selection = {}, signal?: AbortSignal): Promise<KubeList<T>> {
    type Page = { readonly items?: readonly T[]; readonly metadata?: { resourceVersion?: string; continue?: string } };
    const operation = `List ${this.type.plural}`;
    const items: T[] = [];
    for (let next = ""; ; ) {
      const path = this.#path(selection.namespace, { ...queryOf(selection), limit: `${PAGE_SIZE}`, continue: next });
      const page = await this.#calls.json<Page>(operation, "GET", path, `${this.type.kind}List`, {}, signal);
      items.push(...(page.items ?? []));
      next = page.metadata?.continue ?? "";
      if (next === "") return { items, resourceVersion: page.metadata?.resourceVersion ?? "" };
    }
  }

  async create(object: T, signal?: AbortSignal): Promise<T> {
    const { kind } = this.type;
    const body = JSON.stringify({ apiVersion: apiVersionOf(this.type), kind, ...object });
    const operation = `Create ${kind} "${shown(object.metadata)}"`;
    const content = { body, contentType: "application/json" };
    return this.#calls.json(operation, "POST", this.#path(object.metadata.namespace), kind, content, signal);
  }

  async patch(key: ObjectKey, patch: MergePatch, signal?: AbortSignal): Promise<T> {
    return this.#object("Patch", "PATCH", key, "", patchContent(patch), signal);
  }

  /** Patches the status subresource: all but status and metadata in the patch is ignored by the server. */
  async patchStatus(key: ObjectKey, patch: MergePatch, signal?: AbortSignal): Promise<T> {
    return this.#object("Patch status of", "PATCH", key, "/status", patchContent(patch), signal);
  }

  /** Deletes the object if it is still the one with this UID; `conflict` if another has the name. */
  async delete(key: ObjectKey, uid: string, signal?: AbortSignal): Promise<void> {
    const options = { apiVersion: "v1", kind: "DeleteOptions", preconditions: { uid } };
    const content = { body: JSON.stringify(options), contentType: "application/json" };
    const operation = `Delete ${this.type.kind} "${shown(key)}"`;
    await this.#calls.json(operation, "DELETE", this.#objectPath(key, ""), undefined, content, signal);
  }

  /** Tells changes since a version, until the server ends the watch, as it does after some minutes. */
  async *watch(resourceVersion: string, selection: Selection, signal: AbortSignal): AsyncGenerator<WatchEvent<T>> {
    const operation = `Watch ${this.type.plural}`;
    const query = { watch: "true", allowWatchBookmarks: "true", timeoutSeconds: `${WATCH_SECONDS}`, resourceVersion };
    const path = this.#path(selection.namespace, { ...queryOf(selection), ...query });
    const timeoutMs = WATCH_SECONDS * 1_000 + WATCH_GRACE_MS;
    for await (const line of this.#calls.lines(operation, path, timeoutMs, signal)) {
      yield parseEvent<T>(operation, line);
    }
  }

  #object(
    verb: string,
    method: KubeRequest["method"],
    key: ObjectKey,
    subresource: string,
    content: Pick<KubeRequest, "body" | "contentType">,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const { kind } = this.type;
    const path = this.#objectPath(key, subresource);
    return this.#calls.json(`${verb} ${kind} "${shown(key)}"`, method, path, kind, content, signal);
  }

  #objectPath({ namespace, name }: ObjectKey, subresource: string): string {
    return `${this.#path(this.type.namespaced ? (namespace ?? "") : undefined)}/${segment(name)}${subresource}`;
  }

  #path(namespace: string | undefined, query: Readonly<Record<string, string>> = {}): string {
    const { group, version, plural } = this.type;
    const base = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
    const within = namespace === undefined ? "" : `/namespaces/${segment(namespace)}`;
    const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "")).toString();
    return `${base}${within}/${plural}${search === "" ? "" : `?${search}`}`;
  }
}

function patchContent(patch: MergePatch): Pick<KubeRequest, "body" | "contentType"> {
  return { body: JSON.stringify(patch), contentType: "application/merge-patch+json" };
}

function queryOf({ labelSelector = "", fieldSelector = "" }: Selection): { [name: string]: string } {
  return { labelSelector, fieldSelector };
}

function shown({ namespace, name }: ObjectKey): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

// An ERROR event holds a Status: 410 says that the version is too old to go on from.
function parseEvent<T>(operation: string, line: string): WatchEvent<T> {
  const event = parseJson(line) as { type?: unknown; object?: { code?: unknown } } | null | undefined;
  if (event?.type === "ERROR") {
    const code = Number(event.object?.code);
    throw statusError(operation, Number.isInteger(code) ? code : 500, JSON.stringify(event.object ?? {}));
  }
  if (EVENT_TYPES.has(event?.type) && typeof event?.object === "object") return event as unknown as WatchEvent<T>;
  throw new KubeError("response_invalid", `${operation} failed: got a line that is no event, wanted one`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
