import assert from "node:assert/strict";
import { test } from "node:test";
import { HandshakeWatch } from "./handshake-watch.ts";
import { ipv4Frame, tcpSegment } from "./testing.ts";

function segment(sourcePort: number, destinationPort: number, flags: number, destination = "10.42.0.1"): Uint8Array {
  const payload = tcpSegment(sourcePort, destinationPort, flags);
  return ipv4Frame({ sourceMac: "52:54:00:00:00:0a", source: "10.42.0.10", destination, payload });
}

test("HandshakeWatch tells an accepting machine from a refusing one", async () => {
  const watch = new HandshakeWatch();
  const accepted = watch.wait("a", 6443, 40_000, 60_000);
  const refused = watch.wait("a", 9000, 40_001, 60_000);
  watch.observe("a", segment(6443, 40_000, 18));
  watch.observe("a", segment(9000, 40_001, 20));
  assert.deepEqual(await Promise.all([accepted, refused]), ["established", "refused"]);
});

test("HandshakeWatch is not moved by other machines, ports, addresses or later segments", async () => {
  const watch = new HandshakeWatch();
  const outcome = watch.wait("a", 6443, 40_000, 1);
  watch.observe("b", segment(6443, 40_000, 18));
  watch.observe("a", segment(9000, 40_000, 18));
  watch.observe("a", segment(6443, 40_001, 18));
  watch.observe("a", segment(6443, 40_000, 18, "1.1.1.1"));
  watch.observe("a", segment(6443, 40_000, 16));
  assert.equal(await outcome, "silent");
});
