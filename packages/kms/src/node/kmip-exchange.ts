import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { KmsError } from "../error.ts";
import { connectionError } from "../http/call.ts";
import { readCredentials } from "../http/text-secret.ts";
import type { Tools } from "../http/fetch.ts";
import type { KmipExchange } from "../kmip/kmip-kms.ts";
import { TTLV_LIMITS } from "../kmip/ttlv.ts";

/** A KMIP server and who we are to it. */
export interface KmipServer {
  readonly host: string;
  readonly port: number;
  /** PEM files: the server's CA, our certificate and its key. Read anew for each connection. */
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
}

const OPERATION = { side: "kms", name: "Talk to KMIP server" } as const;
const HEADER_BYTES = 8;
// RFC 8446 section 6.2, as OpenSSL names them: the server does not take our certificate.
const REFUSED =
  /^ERR_SSL_(?:TLSV1|TLSV13|SSLV3)_ALERT_(?:UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_|ACCESS_DENIED|UNSUPPORTED_CERTIFICATE|DECRYPT_ERROR)/;

/** One connection for each message, with certificates on both sides; TLS 1.2 or later (KMIP profiles 1.4 section 3.1). */
export function kmipExchange(server: KmipServer, tools: Pick<Tools, "readFile">): KmipExchange {
  return async (request, signal) => {
    const [ca, cert, key] = await Promise.all(
      [server.caFile, server.certificateFile, server.keyFile].map((path) => readCredentials(path, tools, signal)),
    );
    const { host, port } = server;
    const socket = connect({ host, port, ca, cert, key, servername: isName(host) ? host : "", minVersion: "TLSv1.2" });
    const end = (): void => void socket.destroy();
    signal.addEventListener("abort", end, { once: true });
    try {
      await once(socket, "secureConnect", { signal });
      socket.write(request);
      return await readMessage(socket);
    } catch (cause) {
      throw cause instanceof KmsError ? cause : errorOf(server, cause);
    } finally {
      signal.removeEventListener("abort", end);
      socket.destroy();
    }
  };
}

function isName(host: string): boolean {
  return !/^[\d.]+$|:/.test(host);
}

/** Reads as many bytes as the header of the message says, and not more than any answer has. */
async function readMessage(socket: TLSSocket): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length < HEADER_BYTES) continue;
    const start = Buffer.concat(chunks);
    const whole = HEADER_BYTES + start.readUInt32BE(4);
    if (whole > TTLV_LIMITS.bytes || length > whole) {
      throw refused(`"${Math.max(whole, length)}" bytes`, `a message of "${TTLV_LIMITS.bytes}" bytes at most`);
    }
    if (length === whole) return start;
  }
  throw new KmsError(
    "kms_unreachable",
    `${OPERATION.name} failed: got an end after "${length}" bytes, wanted a message`,
  );
}

function refused(got: string, wanted: string): KmsError {
  return new KmsError("kms_answer", `${OPERATION.name} failed: got ${got}, wanted ${wanted}`);
}

function errorOf({ host, port }: KmipServer, cause: unknown): KmsError {
  const code = (cause as NodeJS.ErrnoException).code ?? "";
  if (!REFUSED.test(code)) return connectionError(OPERATION, `${host}:${port}`, cause);
  const message = `${OPERATION.name} failed: got "${code}" from "${host}:${port}", wanted our certificate to be taken`;
  return new KmsError("kms_denied", message, { cause });
}
