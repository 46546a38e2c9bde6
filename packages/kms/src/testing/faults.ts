import type { Fetch } from "../http/fetch.ts";

/** What goes wrong between us and a service. */
export type Fault =
  | "none"
  /** Nobody listens. */
  | "refused"
  /** The connection stands, and no answer comes. */
  | "silent"
  /** The answer ends before its end. */
  | "truncated"
  /** The answer has no end. */
  | "endless"
  /** The answer is of another protocol. */
  | "garbage"
  /** The answer sends elsewhere. */
  | "redirect";

/** Makes an answer of JSON say something else. */
export type Lie = (json: Record<string, unknown>) => void;

/** A `Fetch` between client and service that does harm when told to. */
export class FaultyFetch {
  fault: Fault = "none";
  /** Changes answers of success whose address has this in it. */
  lie: { readonly about: string; readonly tell: Lie } | undefined;
  requests = 0;
  readonly #fetch: Fetch;

  constructor(fetch: Fetch) {
    this.#fetch = fetch;
  }

  readonly fetch: Fetch = async (url, init) => {
    this.requests += 1;
    switch (this.fault) {
      case "none":
        return this.#told(url, init.headers["x-amz-target"] ?? "", await this.#fetch(url, init));
      case "refused":
        throw new TypeError("fetch failed", { cause: Object.assign(new Error(), { code: "ECONNREFUSED" }) });
      case "silent":
        return new Promise<never>((_, reject) => {
          init.signal.addEventListener("abort", () => reject(init.signal.reason as Error), { once: true });
        });
      case "truncated":
        return truncated(await this.#fetch(url, init));
      case "endless":
        return new Response(endless(), { status: 200 });
      case "garbage":
        return new Response("SSH-2.0-OpenSSH_9.2\r\n", { status: 200 });
      case "redirect":
        return new Response(null, { status: 307, headers: { location: "https://elsewhere.example/" } });
    }
  };

  async #told(url: string, action: string, response: Response): Promise<Response> {
    if (this.lie === undefined || !(url + action).includes(this.lie.about) || response.status !== 200) return response;
    const json = (await response.json()) as Record<string, unknown>;
    this.lie.tell(json);
    return new Response(JSON.stringify(json), { status: 200 });
  }
}

async function truncated(response: Response): Promise<Response> {
  const body = new Uint8Array(await response.arrayBuffer());
  const { status } = response;
  const headers = { "content-length": String(body.length + 1) };
  return new Response(status === 204 ? null : body, { status, headers });
}

function endless(): ReadableStream<Uint8Array> {
  return new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(16 * 1024).fill(0x20));
    },
  });
}
