import { createHash } from "node:crypto";
import { concat, utf8 } from "@constellation/bytes";
import type { Mode, Role } from "./messages.ts";

/** What TLS itself knows about the connection; both ends see the same values, and nobody in between can make them equal. */
export interface Channel {
  /** TLS 1.3 exporter value of this connection (RFC 8446 section 7.5), at least 32 bytes. */
  readonly exporter: Uint8Array;
  /** SubjectPublicKeyInfo (DER) of the client's certificate. */
  readonly clientPublicKey: Uint8Array;
  /** SubjectPublicKeyInfo (DER) of the server's certificate. */
  readonly serverPublicKey: Uint8Array;
}

/** Everything that a side's evidence stands for. */
export interface Transcript extends Channel {
  readonly purpose: string;
  readonly clientNonce: Uint8Array;
  readonly serverNonce: Uint8Array;
  readonly clientMode: Mode;
  readonly serverMode: Mode;
}

/** Label of a purpose: `constellation/atls/v1/<purpose>`. */
export function purposeLabel(purpose: string): string {
  return `constellation/atls/v1/${purpose}`;
}

/**
 * The 64 bytes of report data for the evidence of `role`: SHA-512 over label, role, exporter, both nonces, both public
 * keys and both declared modes, each with its length in four big-endian bytes before it (decision D7, rule T2).
 */
export function reportData(transcript: Transcript, role: Role): Uint8Array {
  const fields = [
    utf8(purposeLabel(transcript.purpose)),
    utf8(role),
    transcript.exporter,
    transcript.clientNonce,
    transcript.serverNonce,
    transcript.clientPublicKey,
    transcript.serverPublicKey,
    utf8(transcript.clientMode),
    utf8(transcript.serverMode),
  ];
  return new Uint8Array(
    createHash("sha512")
      .update(concat(...fields.map(lengthPrefixed)))
      .digest(),
  );
}

function lengthPrefixed(field: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, field.length);
  return concat(length, field);
}
