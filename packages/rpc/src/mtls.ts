import type { AddressInfo } from "node:net";
import { connect, createServer, type PeerCertificate, type TLSSocket } from "node:tls";
import type { DescService } from "@bufbuild/protobuf";
import { clientOverConnections, type RpcClient, type RpcClientOptions } from "./client.ts";
import { type EndpointOptions, RpcEndpoint } from "./endpoint.ts";
import { RpcError } from "./errors.ts";
import { closeServer, listen, type RpcServer } from "./server.ts";
import { serviceNameOf, serviceUri } from "./service-identity.ts";
import { checkName, TLS_OPTIONS } from "./tls.ts";

/** Our end of mutual TLS, all in PEM. */
export interface MtlsIdentity {
  /** The one authority that both sides' certificates come from. */
  readonly ca: string;
  /** Our certificate; it names us by the URI `constellation://service/<name>`. */
  readonly certificate: string;
  readonly key: string;
}

/** A gRPC server on mutual TLS. */
export interface ServeMtlsOptions extends MtlsIdentity, EndpointOptions {
  readonly host: string;
  readonly port: number;
  /** Hears of each connection that was refused. */
  readonly onRefused?: (error: RpcError) => void;
}

/** The server that a client wants to talk to. */
export interface MtlsClientOptions extends MtlsIdentity, RpcClientOptions {
  readonly host: string;
  readonly port: number;
  /** Name in the server's certificate URI; its host names and addresses are not looked at. */
  readonly serverName: string;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;

/**
 * Serves gRPC to callers with a certificate of the pinned authority that names a service; handlers ask
 * `callerOf(context)` (rule T8).
 * @throws RpcError "unavailable"
 */
export async function serveMtls(options: ServeMtlsOptions): Promise<RpcServer<AddressInfo>> {
  const { ca, certificate: cert, key, onRefused = () => {} } = options;
  const endpoint = new RpcEndpoint(options);
  const server = createServer({
    ...TLS_OPTIONS,
    ca,
    cert,
    key,
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  server.on("tlsClientError", (cause) => onRefused(refused(cause.message, cause)));
  server.on("secureConnection", (socket) => {
    const caller = callerName(socket);
    if (caller !== undefined) return endpoint.accept(socket, { kind: "mtls", caller });
    onRefused(refused(`got no fresh certificate with a service name, wanted "${serviceUri("<name>")}"`));
    socket.destroy();
  });
  await listen(server, endpoint, { host: options.host, port: options.port });
  return { address: server.address() as AddressInfo, close: () => closeServer(server, endpoint) };
}

/** Makes a client that shows its certificate and accepts only the named service, certified by the pinned authority. */
export function createMtlsClient<S extends DescService>(
  service: S,
  { host, port, serverName, ca, certificate, key, ...options }: MtlsClientOptions,
): RpcClient<S> {
  const checkServerIdentity = (_host: string, peer: PeerCertificate): Error | undefined => checkName(peer, serverName);
  const dial = (): TLSSocket =>
    connect({ ...TLS_OPTIONS, host, port, ca, cert: certificate, key, rejectUnauthorized: true, checkServerIdentity });
  return clientOverConnections(service, dial, "https://mutual.invalid", options);
}

function callerName(socket: TLSSocket): string | undefined {
  // A resumed session carries no certificate of its own; what it remembers may be out of date.
  if (!socket.authorized || socket.isSessionReused()) return undefined;
  const certificate = socket.getPeerX509Certificate();
  return certificate && serviceNameOf(certificate);
}

function refused(reason: string, cause?: unknown): RpcError {
  return new RpcError("unauthenticated", `Authenticate caller failed: ${reason}`, { cause });
}
