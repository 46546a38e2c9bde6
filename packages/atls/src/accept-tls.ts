import type { Socket } from "node:net";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import type { EphemeralIdentity } from "./certificate.ts";
import { TLS_OPTIONS } from "./tls-channel.ts";
import { fromTlsError } from "./tls-errors.ts";

/**
 * TLS on an accepted TCP socket, with a key, certificate and ticket key for this connection alone: sessions can't be
 * resumed on another one. Destroys the socket where it fails.
 * @throws AtlsError, or the signal's reason
 */
export function acceptTls(raw: Socket, identity: EphemeralIdentity, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const tls = createTlsServer({
      ...TLS_OPTIONS,
      key: identity.keyPem,
      cert: identity.certificatePem,
      requestCert: true,
    });
    const settle = (finish: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      finish();
    };
    const refuse = (error: unknown): void =>
      settle(() => {
        raw.destroy();
        reject(error);
      });
    const onAbort = (): void => refuse(signal.reason);
    tls.once("secureConnection", (socket: TLSSocket) => settle(() => resolve(socket)));
    tls.on("tlsClientError", (cause: Error, socket: TLSSocket) => {
      refuse(fromTlsError(cause));
      socket.destroy();
    });
    if (signal.aborted) return refuse(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    tls.emit("connection", raw);
  });
}
