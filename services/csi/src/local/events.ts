import { KubeError, type KubeResources } from "@constellation/kube/in-cluster";
import type { KubeEvent, Meta } from "./kube-types.ts";
import { DRIVER_NAME } from "./names.ts";

/** An object that an event is about. */
export interface EventSubject {
  readonly kind: "PersistentVolumeClaim" | "PersistentVolume";
  readonly metadata: Meta;
}

/** What an event says. */
export interface Happening {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

/** What events take from outside. */
export interface EventParts {
  readonly events: KubeResources<KubeEvent>;
  readonly nodeName: string;
  readonly now: () => Date;
  readonly randomId: () => string;
  readonly onError: (error: KubeError) => void;
}

const REPEAT_MS = 5 * 60_000;
const MAX_REMEMBERED = 1_000;
const MAX_MESSAGE_CHARS = 1_000;

/** Tells users of claims and volumes what happens with them. An event that can't be written changes nothing else. */
export class Events {
  readonly #parts: EventParts;
  readonly #told = new Map<string, number>();

  constructor(parts: EventParts) {
    this.#parts = parts;
  }

  /** Writes an event, unless the same was written in the last minutes. */
  async tell(subject: EventSubject, { type, reason, message }: Happening, signal: AbortSignal): Promise<void> {
    const { nodeName, now, randomId, events } = this.#parts;
    const at = now();
    if (this.#isRepeated(`${subject.metadata.uid} ${reason} ${message}`, at.getTime())) return;
    const { kind, metadata } = subject;
    // Events of objects without a namespace are in "default".
    const namespace = metadata.namespace ?? "default";
    const { name, uid = "", resourceVersion = "" } = metadata;
    const object = metadata.namespace === undefined ? { name } : { name, namespace };
    const event: KubeEvent = {
      metadata: { name: `${name.slice(0, 200)}.${randomId()}`, namespace },
      involvedObject: { apiVersion: "v1", kind, ...object, uid, resourceVersion },
      type,
      reason,
      message: message.slice(0, MAX_MESSAGE_CHARS),
      source: { component: DRIVER_NAME, host: nodeName },
      reportingComponent: DRIVER_NAME,
      firstTimestamp: timeOf(at),
      lastTimestamp: timeOf(at),
      count: 1,
    };
    try {
      await events.create(event, signal);
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      this.#parts.onError(error);
    }
  }

  #isRepeated(key: string, at: number): boolean {
    const before = this.#told.get(key);
    if (before !== undefined && at - before < REPEAT_MS) return true;
    this.#told.delete(key);
    this.#told.set(key, at);
    const [oldest] = this.#told.keys();
    if (this.#told.size > MAX_REMEMBERED && oldest !== undefined) this.#told.delete(oldest);
    return false;
  }
}

/** Kubernetes' `metav1.Time` has seconds. */
export function timeOf(date: Date): string {
  return date.toISOString().replace(/\.\d+Z$/, "Z");
}
