import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** An object of the fake store; tests change it as they like. */
export interface FakeObject {
  body: Buffer;
  etag: string;
  headers: Record<string, string>;
}

/** A multipart upload of the fake store. */
interface FakeUpload {
  readonly key: string;
  readonly headers: Record<string, string>;
  readonly parts: Map<number, FakeObject>;
}

interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

const MIN_PART_BYTES = 5_242_880;

/**
 * A small S3 store in memory for unit tests: as much as the proxy needs, no signatures checked, and every object open
 * to tampering. Integration tests use a real store.
 */
export class FakeStore {
  readonly objects = new Map<string, FakeObject>();
  readonly uploads = new Map<string, FakeUpload>();
  /** Requests as they came: method, path with query, headers. */
  readonly requests: { readonly method: string; readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
  /** Answers the next requests that it returns something for. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  /** Answers wait for this. */
  hold: Promise<void> = Promise.resolve();
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  static async start(): Promise<FakeStore> {
    const store = new FakeStore();
    store.#server.listen(0, "127.0.0.1");
    await once(store.#server, "listening");
    return store;
  }

  get endpoint(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  /** The object of a name like `bucket/key`. */
  object(name: string): FakeObject {
    const object = this.objects.get(name);
    if (object === undefined) throw new Error(`Find object failed: got no "${name}"`);
    return object;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url = "", headers } = request;
    this.requests.push({ method, url, headers });
    if (this.intercept(request, response)) return;
    try {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      const body = Buffer.concat(pieces);
      await this.hold;
      const { pathname, searchParams } = new URL(url, "http://store.invalid");
      const {
        status,
        headers: out = {},
        body: content = "",
      } = this.#answer({ method, name: decodeURIComponent(pathname.slice(1)), query: searchParams, headers, body });
      const length = method === "HEAD" ? {} : { "content-length": `${Buffer.byteLength(content)}` };
      response.writeHead(status, { ...length, ...out }).end(content);
    } catch {
      response.destroy();
    }
  }

  #answer(call: FakeCall): Reply {
    const { method, name, query } = call;
    if (!name.includes("/")) return method === "GET" ? this.#list(name) : { status: 200 };
    if (query.has("uploads")) return this.#createUpload(call);
    if (query.has("uploadId")) return this.#upload(call);
    switch (method) {
      case "PUT":
        return call.headers["x-amz-copy-source"] === undefined ? this.#put(call) : this.#copy(call);
      case "GET":
      case "HEAD":
        return this.#get(call);
      case "DELETE":
        this.objects.delete(name);
        return { status: 204 };
      default:
        return error(501, "NotImplemented");
    }
  }

  #put({ name, headers, body }: FakeCall): Reply {
    const object = { body, etag: etagOf(body), headers: keptHeaders(headers) };
    this.objects.set(name, object);
    return { status: 200, headers: { etag: object.etag } };
  }

  #get({ method, name, headers }: FakeCall): Reply {
    const object = this.objects.get(name);
    if (object === undefined) return error(404, "NoSuchKey");
    const { body, etag } = object;
    const [match, noneMatch] = [headers["if-match"], headers["if-none-match"]];
    if (match !== undefined && match !== etag) return error(412, "PreconditionFailed");
    const common = { ...object.headers, etag, "last-modified": new Date(0).toUTCString() };
    if (noneMatch === etag) return { status: 304, headers: common };
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
    if (first === undefined || method === "HEAD") {
      return {
        status: 200,
        headers: { ...common, "content-length": `${body.length}` },
        body: method === "HEAD" ? "" : body,
      };
    }
    const [start, end] = [Number(first), Math.min(Number(last), body.length - 1)];
    if (start >= body.length) return error(416, "InvalidRange");
    const range = { "content-range": `bytes ${start}-${end}/${body.length}` };
    return { status: 206, headers: { ...common, ...range }, body: body.subarray(start, end + 1) };
  }

  #copy({ name, headers }: FakeCall): Reply {
    const source = decodeURIComponent(headers["x-amz-copy-source"]?.toString().replace(/^\//, "") ?? "");
    const object = this.objects.get(source);
    if (object === undefined) return error(404, "NoSuchKey");
    if (headers["x-amz-copy-source-if-match"] !== object.etag) return error(412, "PreconditionFailed");
    this.objects.set(name, { body: object.body, etag: etagOf(object.body), headers: keptHeaders(headers) });
    const time = "1970-01-01T00:00:00.000Z";
    return xml("CopyObjectResult", `<ETag>${etagOf(object.body)}</ETag><LastModified>${time}</LastModified>`);
  }

  #list(bucket: string): Reply {
    const own = [...this.objects]
      .filter(([name]) => name.startsWith(`${bucket}/`))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const contents = own.map(([name, { body, etag }]) => {
      const key = name.slice(bucket.length + 1);
      return `<Contents><Key>${key}</Key><ETag>${etag.replaceAll('"', "&quot;")}</ETag><Size>${body.length}</Size></Contents>`;
    });
    return xml("ListBucketResult", `<Name>${bucket}</Name>${contents.join("")}`);
  }

  #createUpload({ name, headers }: FakeCall): Reply {
    const id = randomUUID();
    this.uploads.set(id, { key: name, headers: keptHeaders(headers), parts: new Map() });
    return xml("InitiateMultipartUploadResult", `<UploadId>${id}</UploadId>`);
  }

  #upload(call: FakeCall): Reply {
    const { method, name, query, body } = call;
    const id = query.get("uploadId") ?? "";
    const upload = this.uploads.get(id);
    if (upload === undefined || upload.key !== name) return error(404, "NoSuchUpload");
    switch (method) {
      case "PUT":
        upload.parts.set(Number(query.get("partNumber")), { body, etag: etagOf(body), headers: {} });
        return { status: 200, headers: { etag: etagOf(body) } };
      case "GET":
        return this.#listParts(
          upload,
          Number(query.get("part-number-marker") ?? 0),
          Number(query.get("max-parts") ?? 1_000),
        );
      case "DELETE":
        this.uploads.delete(id);
        return { status: 204 };
      default:
        return this.#complete(call, id, upload);
    }
  }

  #listParts(upload: FakeUpload, marker: number, max: number): Reply {
    const parts = [...upload.parts].filter(([number]) => number > marker).sort(([a], [b]) => a - b);
    const next = parts.length > max ? `<NextPartNumberMarker>${parts[max - 1]?.[0]}</NextPartNumberMarker>` : "";
    const content = parts.map(
      ([number, { etag, body }]) =>
        `<Part><PartNumber>${number}</PartNumber><ETag>${etag}</ETag><Size>${body.length}</Size></Part>`,
    );
    return xml(
      "ListPartsResult",
      `<PartNumberMarker>${marker}</PartNumberMarker>${next}${content.slice(0, max).join("")}<IsTruncated>${content.length > max}</IsTruncated>`,
    );
  }

  #complete({ name, body }: FakeCall, id: string, upload: FakeUpload): Reply {
    const named = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>(.*?)<\/ETag>/g)];
    const parts = named.map(([, number, etag]) => {
      const part = upload.parts.get(Number(number));
      return part !== undefined && part.etag.replaceAll('"', "") === etag?.replace(/&#34;|"/g, "") ? part : undefined;
    });
    if (parts.includes(undefined)) return error(400, "InvalidPart");
    const bodies = parts.map((part) => part!.body);
    if (bodies.slice(0, -1).some((part) => part.length < MIN_PART_BYTES)) return error(400, "EntityTooSmall");
    const whole = Buffer.concat(bodies);
    const etag = `${etagOf(whole).slice(0, -1)}-${bodies.length}"`;
    this.objects.set(name, { body: whole, etag, headers: upload.headers });
    this.uploads.delete(id);
    return xml("CompleteMultipartUploadResult", `<ETag>${etag}</ETag>`);
  }
}

interface FakeCall {
  readonly method: string;
  readonly name: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function keptHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept = Object.entries(headers).filter(([name]) => name.startsWith("x-amz-meta-") || name === "content-type");
  return Object.fromEntries(kept.map(([name, value]) => [name, String(value)]));
}

function etagOf(body: Buffer): string {
  return `"${createHash("md5").update(body).digest("hex")}"`;
}

function xml(root: string, content: string): Reply {
  return { status: 200, headers: { "content-type": "application/xml" }, body: `<${root}>${content}</${root}>` };
}

function error(status: number, code: string): Reply {
  return { ...xml("Error", `<Code>${code}</Code><Message>${code}</Message>`), status };
}
