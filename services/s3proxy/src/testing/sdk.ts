import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { S3Client } from "@aws-sdk/client-s3";
import { REGION } from "./proxy.ts";

/** A client of the AWS SDK with its own defaults, but for the place. */
export function sdkClient(
  endpoint: string,
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: string },
  ca?: string,
): S3Client {
  const agent = ca === undefined ? {} : { requestHandler: { httpsAgent: new Agent({ ca, keepAlive: true }) } };
  return new S3Client({ endpoint, region: REGION, credentials, forcePathStyle: true, ...agent });
}

/** What a plain HTTP client needs of an answer. */
export interface PlainAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A plain HTTP client over TLS, for addresses that were signed before. */
export type PlainClient = (
  url: string,
  options?: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: Uint8Array },
) => Promise<PlainAnswer>;

/** Makes a client that trusts an authority. */
export function plainClient(ca: string): PlainClient {
  return async (url, { method = "GET", headers = {}, body } = {}) => {
    const length = body === undefined ? {} : { "content-length": `${body.length}` };
    const outgoing = request(url, { method, headers: { ...headers, ...length }, ca, agent: false });
    outgoing.end(body);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    const pieces: Buffer[] = [];
    for await (const piece of response) pieces.push(piece as Buffer);
    return { status: response.statusCode, headers: response.headers, body: Buffer.concat(pieces) };
  };
}
