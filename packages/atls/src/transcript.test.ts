import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { concat, hex, utf8 } from "@constellation/bytes";
import { reportData, type Transcript } from "./transcript.ts";

const TRANSCRIPT: Transcript = {
  purpose: "init",
  exporter: new Uint8Array(32).fill(1),
  clientNonce: new Uint8Array(32).fill(2),
  serverNonce: new Uint8Array(32).fill(3),
  clientPublicKey: new Uint8Array(91).fill(4),
  serverPublicKey: new Uint8Array(91).fill(5),
  clientMode: "attesting",
  serverMode: "attesting",
};

test("reportData() is SHA-512 over the length-prefixed fields in their documented order", () => {
  const field = (size: number, byte: number): Uint8Array =>
    concat(Uint8Array.of(0, 0, 0, size), new Uint8Array(size).fill(byte));
  const text = (value: string): Uint8Array => concat(Uint8Array.of(0, 0, 0, value.length), utf8(value));
  const bytes = concat(
    text("constellation/atls/v1/init"),
    text("client"),
    field(32, 1),
    field(32, 2),
    field(32, 3),
    field(91, 4),
    field(91, 5),
    text("attesting"),
    text("attesting"),
  );
  assert.equal(hex(reportData(TRANSCRIPT, "client")), createHash("sha512").update(bytes).digest("hex"));
});

const variants: readonly Transcript[] = [
  { ...TRANSCRIPT, purpose: "join" },
  { ...TRANSCRIPT, exporter: new Uint8Array(32).fill(9) },
  { ...TRANSCRIPT, clientNonce: new Uint8Array(32).fill(9) },
  { ...TRANSCRIPT, serverNonce: new Uint8Array(32).fill(9) },
  { ...TRANSCRIPT, clientPublicKey: new Uint8Array(91).fill(9) },
  { ...TRANSCRIPT, serverPublicKey: new Uint8Array(91).fill(9) },
  { ...TRANSCRIPT, clientMode: "anonymous" },
  { ...TRANSCRIPT, serverMode: "anonymous" },
  { ...TRANSCRIPT, clientNonce: TRANSCRIPT.serverNonce, serverNonce: TRANSCRIPT.clientNonce },
];

test("reportData() differs for each field and for each role", () => {
  const all = [TRANSCRIPT, ...variants].flatMap((transcript) => [
    hex(reportData(transcript, "client")),
    hex(reportData(transcript, "server")),
  ]);
  assert.equal(new Set(all).size, all.length);
});
