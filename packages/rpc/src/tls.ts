import { X509Certificate } from "node:crypto";
import type { AddressInfo, Server, Socket } from "node:net";
import { connect, createServer, type PeerCertificate, type TLSSocket } from "node:tls";
import type { DescService } from "@bufbuild/protobuf";
import { clientOverConnections, type RpcClient, type RpcClientOptions } from "./client.ts";
import { type EndpointOptions, RpcEndpoint } from "./endpoint.ts";
import { RpcError } from "./errors.ts";
import { closeServer, listen, type RpcServer } from "./server.ts";
import { serviceNameOf } from "./service-identity.ts";

/** A gRPC server on TLS whose callers have no certificate: they prove themselves by what they send with each call. */
export interface ServeTlsOptions extends EndpointOptions {
  readonly host: string;
  readonly port: number;
  /** Certificate and key of this server, PEM. */
  readonly certificate: string;
  readonly key: string;
  /** Connections at once from one IP address: nobody takes the places of all others. */
  readonly maxConnectionsPerAddress: number;
  /** Hears of each connection that came to nothing. */
  readonly onRefused?: (error: RpcError) => void;
}

/** The server that a client wants to talk to. */
export interface TlsClientOptions extends RpcClientOptions {
  readonly host: string;
  readonly port: number;
  /** Authority that the server's certificate must come from, PEM. */
  readonly ca: string;
  /** Name in the server's certificate URI; its host names and addresses are not looked at. */
  readonly serverName: string;
}

const HANDSHAKE_TIMEOUT_MS = 10_000;

/** TLS 1.3 with HTTP/2 and nothing else. */
export const TLS_OPTIONS = { minVersion: "TLSv1.3", maxVersion: "TLSv1.3", ALPNProtocols: ["h2"] } as const;

/** Serves gRPC on TLS; handlers ask `remoteAddressOf(context)` and judge what came with the call. @throws RpcError */
export async function serveTls(options: ServeTlsOptions): Promise<RpcServer<AddressInfo>> {
  const { certificate: cert, key, maxConnectionsPerAddress, onRefused = () => {} } = options;
  const endpoint = new RpcEndpoint(options);
  const server = createServer({ ...TLS_OPTIONS, cert, key, handshakeTimeout: HANDSHAKE_TIMEOUT_MS });
  limitConnections(server, maxConnectionsPerAddress);
  server.on("tlsClientError", (cause) =>
    onRefused(new RpcError("unauthenticated", `Accept connection failed: ${cause.message}`, { cause })),
  );
  server.on("secureConnection", (socket) => {
    endpoint.accept(socket, { kind: "tls", remoteAddress: socket.remoteAddress });
  });
  await listen(server, endpoint, { host: options.host, port: options.port });
  return { address: server.address() as AddressInfo, close: () => closeServer(server, endpoint) };
}

/** Closes connections beyond the bound of their address at once, before any handshake. */
function limitConnections(server: Server, maxPerAddress: number): void {
  const open = new Map<string, number>();
  server.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    const count = (open.get(address) ?? 0) + 1;
    if (count > maxPerAddress) {
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once("close", () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
}

/** Makes a client without a certificate that accepts only the named service, certified by the given authority. */
export function createTlsClient<S extends DescService>(
  service: S,
  { host, port, serverName, ca, ...options }: TlsClientOptions,
): RpcClient<S> {
  const checkServerIdentity = (_host: string, peer: PeerCertificate): Error | undefined => checkName(peer, serverName);
  const dial = (): TLSSocket =>
    connect({ ...TLS_OPTIONS, host, port, ca, rejectUnauthorized: true, checkServerIdentity });
  return clientOverConnections(service, dial, "https://server.invalid", options);
}

/** The error for a server's certificate that does not name the service. */
export function checkName(peer: PeerCertificate, wanted: string): RpcError | undefined {
  const got = serviceNameOf(new X509Certificate(peer.raw));
  if (got === wanted) return undefined;
  return new RpcError("unauthenticated", `Check server failed: got service "${got ?? "none"}", wanted "${wanted}"`);
}
