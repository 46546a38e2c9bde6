import type { KeyObject } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { utf8 } from "@constellation/bytes";
import { AtlsError } from "./errors.ts";
import type { Role } from "./messages.ts";
import { type Channel, purposeLabel } from "./transcript.ts";

/** The protocol's name in ALPN (RFC 7301); without it a peer speaks something else. */
export const ALPN_PROTOCOL = "constellation-atls/1";

/** Label of our TLS exporter value (RFC 5705 section 4); its context is the purpose's label. */
const EXPORTER_LABEL = "EXPORTER-constellation-atls-v1";

const EXPORTER_BYTES = 32;

/** TLS settings of both sides: TLS 1.3 only, and no PKI, because the evidence vouches for the peer's key. */
export const TLS_OPTIONS = {
  minVersion: "TLSv1.3",
  maxVersion: "TLSv1.3",
  ALPNProtocols: [ALPN_PROTOCOL],
  rejectUnauthorized: false,
} as const;

/**
 * Reads, once, from an established TLS connection what the evidence gets bound to. TLS 1.3 made the peer sign the handshake
 * with the key of its certificate (RFC 8446 section 4.4.3), so the key is the one at the other end of this connection.
 * @throws AtlsError "tls-version", "tls-protocol", "tls-resumed", "no-peer-certificate", "peer-key-unsupported"
 */
export function channelOf(socket: TLSSocket, role: Role, ownPublicKey: Uint8Array, purpose: string): Channel {
  checkConnection(socket);
  const peerPublicKey = peerKey(socket);
  const label = Buffer.from(utf8(purposeLabel(purpose)));
  return {
    exporter: new Uint8Array(socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER_LABEL, label)),
    clientPublicKey: role === "client" ? ownPublicKey : peerPublicKey,
    serverPublicKey: role === "client" ? peerPublicKey : ownPublicKey,
  };
}

function checkConnection(socket: TLSSocket): void {
  const version = socket.getProtocol();
  if (version !== "TLSv1.3") {
    throw new AtlsError("tls-version", `Open TLS connection failed: got version "${version}", wanted "TLSv1.3"`);
  }
  if (socket.alpnProtocol !== ALPN_PROTOCOL) {
    const got = `got protocol "${socket.alpnProtocol || "none"}"`;
    throw new AtlsError("tls-protocol", `Open TLS connection failed: ${got}, wanted "${ALPN_PROTOCOL}"`);
  }
  // A resumed session carries no certificate message, hence no fresh proof of the key (RFC 8446 section 2.2).
  if (socket.isSessionReused()) {
    throw new AtlsError("tls-resumed", "Open TLS connection failed: got a resumed session, wanted a full handshake");
  }
}

function peerKey(socket: TLSSocket): Uint8Array {
  // Node.js 24 gives a client this certificate once only: a second call finds none, and so fails closed.
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) {
    throw new AtlsError(
      "no-peer-certificate",
      "Open TLS connection failed: got no certificate from the peer, wanted one",
    );
  }
  const key = certificate.publicKey;
  const kind = keyKind(key);
  if (kind !== "ec/prime256v1" && kind !== "ed25519") {
    const wanted = `wanted "ec/prime256v1" or "ed25519"`;
    throw new AtlsError("peer-key-unsupported", `Open TLS connection failed: got peer key "${kind}", ${wanted}`);
  }
  return new Uint8Array(key.export({ type: "spki", format: "der" }));
}

function keyKind(key: KeyObject): string {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  return `${key.asymmetricKeyType}${curve === undefined ? "" : `/${curve}`}`;
}
