import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a fake service says. */
export interface FakeAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** What a fake service does in the place of an answer. */
export type Fault = (response: ServerResponse) => void;

/** A request as it came. */
export interface SeenRequest {
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

const NOT_FOUND: FakeAnswer = { status: 404 };

/** A web service on loopback that answers what it is told to, and remembers what it was asked. */
export class FakeServer {
  readonly requests: SeenRequest[] = [];
  readonly #answers = new Map<string, FakeAnswer>();
  readonly #faults: Fault[] = [];
  readonly #server: Server;
  #standingFault: Fault | undefined;
  #open = 0;
  /** The most requests that were open at once. */
  mostOpen = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      const path = request.url as string;
      this.requests.push({ path, headers: request.headers });
      this.#open += 1;
      this.mostOpen = Math.max(this.mostOpen, this.#open);
      response.once("close", () => {
        this.#open -= 1;
      });
      const fault = this.#faults.shift() ?? this.#standingFault;
      if (fault) fault(response);
      else answer(response, this.#answerTo(path, request.headers));
    });
  }

  /** Starts a service; it ends with `close`. */
  static async start(): Promise<FakeServer> {
    const fake = new FakeServer();
    fake.#server.listen(0, "127.0.0.1");
    await once(fake.#server, "listening");
    return fake;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Says this at a path with its query from now on. */
  set(path: string, fakeAnswer: FakeAnswer): void {
    this.#answers.set(path, fakeAnswer);
  }

  /** Does this in the place of the next answers, once each. */
  failNext(...faults: readonly Fault[]): void {
    this.#faults.push(...faults);
  }

  /** Does this in the place of every answer, until `reset`. */
  failAlways(fault: Fault): void {
    this.#standingFault = fault;
  }

  /** Forgets what was told to fail, and what was asked. */
  reset(): void {
    this.#faults.length = 0;
    this.#standingFault = undefined;
    this.requests.length = 0;
    this.mostOpen = 0;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), "close");
  }

  /** The answer at a path, or 304 for one that the asker has: those with an ETag or Last-Modified. */
  #answerTo(path: string, headers: IncomingHttpHeaders): FakeAnswer {
    const found = this.#answers.get(path) ?? NOT_FOUND;
    const { etag, "last-modified": lastModified } = found.headers ?? {};
    const isKnown =
      (etag !== undefined && headers["if-none-match"] === etag) ||
      (lastModified !== undefined && headers["if-modified-since"] === lastModified);
    return isKnown ? { status: 304 } : found;
  }
}

function answer(response: ServerResponse, { status = 200, headers = {}, body }: FakeAnswer): void {
  const length = body === undefined ? {} : { "content-length": `${Buffer.byteLength(body)}` };
  response.writeHead(status, { ...length, ...headers }).end(body);
}

/** Says a status and nothing else. */
export function says(status: number, headers: Readonly<Record<string, string>> = {}): Fault {
  return (response) => answer(response, { status, headers });
}

/** Breaks the connection off before an answer. */
export const HANGS_UP: Fault = (response) => response.destroy();

/** Never says anything. */
export const SAYS_NOTHING: Fault = () => undefined;

/** Says the start of a body and nothing else. */
export const STALLS: Fault = (response) => {
  response.writeHead(200, { "content-length": "100" }).write("start");
};

/** Ends in the middle of a body. */
export const TRUNCATES: Fault = (response) => {
  response.writeHead(200, { "content-length": "100" });
  response.write("start", () => response.destroy());
};

/** Says a body of many bytes, without saying how many. */
export function streams(sizeBytes: number): Fault {
  return (response) => {
    response.writeHead(200).end(new Uint8Array(sizeBytes));
  };
}
