import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One answer; the last of a script is given to all further questions. */
export type FakeAnswer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

/** A metadata service on loopback. */
export class FakeMetadata {
  /** By path. */
  readonly scripts = new Map<string, FakeAnswer[]>();
  readonly questions: string[] = [];
  readonly #server = createServer((request, response) => {
    void this.#answer(request, response);
  });

  static async start(): Promise<FakeMetadata> {
    const metadata = new FakeMetadata();
    metadata.#server.listen(0, "127.0.0.1");
    await once(metadata.#server, "listening");
    return metadata;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const piece of request) body += String(piece);
    const { method, url = "", headers } = request;
    this.questions.push(`${method} ${url} Metadata=${String(headers["metadata"])} ${body}`);
    const script = this.scripts.get(url) ?? [];
    const answer = script.length > 1 ? script.shift() : script[0];
    (answer ?? status(404))(request, response, body);
  }
}

/** An answer with this status and no more. */
export function status(code: number): FakeAnswer {
  return (_, response) => {
    response.writeHead(code).end("no");
  };
}

/** An answer with a JSON document. */
export function json(value: unknown): FakeAnswer {
  return (_, response) => {
    response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(value));
  };
}
