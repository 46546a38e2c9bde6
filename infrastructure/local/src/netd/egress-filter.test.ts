import assert from "node:assert/strict";
import { test } from "node:test";
import { egressVerdict } from "./egress-filter.ts";
import { arpFrame, ipv4Frame, type PacketFields, tcpSegment, udpDatagram } from "./testing.ts";

const MAC = "52:54:00:00:00:00";
const SOURCE = "10.42.0.10";
const POLICY = { hostPorts: [5000] };
const [SYN, SYN_ACK, ACK] = [2, 18, 16];

function verdict(fields: Partial<PacketFields> & { destination: string }): string {
  return egressVerdict(ipv4Frame({ sourceMac: MAC, source: SOURCE, ...fields }), SOURCE, POLICY);
}

test("egressVerdict() keeps guests from opening connections to the host's loopback", () => {
  for (const port of [22, 80, 631, 4999, 5001, 6443]) {
    assert.equal(verdict({ destination: "10.42.0.1", payload: tcpSegment(40_000, port, SYN) }), "host-loopback");
  }
});

test("egressVerdict() lets guests connect to the allowed host ports and answer forwarded connections", () => {
  assert.equal(verdict({ destination: "10.42.0.1", payload: tcpSegment(40_000, 5000, SYN) }), "pass");
  assert.equal(verdict({ destination: "10.42.0.1", payload: tcpSegment(6443, 40_000, SYN_ACK) }), "pass");
  assert.equal(verdict({ destination: "10.42.0.1", payload: tcpSegment(6443, 40_000, ACK) }), "pass");
});

test("egressVerdict() knows that libslirp takes every address of its network for the host", () => {
  for (const destination of ["10.42.0.2", "10.42.0.77", "10.42.0.255", "10.42.0.0"]) {
    assert.equal(verdict({ destination, payload: tcpSegment(40_000, 5000, SYN) }), "host-loopback");
  }
});

test("egressVerdict() lets name queries pass, and nothing else to the name server", () => {
  assert.equal(verdict({ destination: "10.42.0.3", protocol: 17, payload: udpDatagram(40_000, 53) }), "pass");
  assert.equal(verdict({ destination: "10.42.0.3", payload: tcpSegment(40_000, 53, SYN) }), "pass");
  assert.equal(verdict({ destination: "10.42.0.3", payload: tcpSegment(40_000, 22, SYN) }), "host-loopback");
  assert.equal(verdict({ destination: "10.42.0.3", protocol: 17, payload: udpDatagram(40_000, 69) }), "host-loopback");
});

test("egressVerdict() drops UDP to the gateway and passes ICMP, which libslirp answers itself", () => {
  assert.equal(
    verdict({ destination: "10.42.0.1", protocol: 17, payload: udpDatagram(40_000, 5000) }),
    "host-loopback",
  );
  assert.equal(verdict({ destination: "10.42.0.1", protocol: 1 }), "pass");
});

test("egressVerdict() drops what could hide a connection: fragments, IP options, other sources", () => {
  const payload = tcpSegment(40_000, 22, SYN);
  assert.equal(verdict({ destination: "10.42.0.1", payload, fragmentField: 0x2000 }), "fragment");
  assert.equal(verdict({ destination: "10.42.0.1", payload, fragmentField: 1 }), "fragment");
  assert.equal(verdict({ destination: "10.42.0.1", payload, headerWords: 6 }), "ip-options");
  assert.equal(verdict({ destination: "1.1.1.1", source: "10.42.0.11" }), "foreign-source");
});

test("egressVerdict() passes addresses outside and drops those that mean this host or its metadata service", () => {
  assert.equal(verdict({ destination: "1.1.1.1", payload: tcpSegment(40_000, 443, SYN) }), "pass");
  assert.equal(verdict({ destination: "192.168.1.1", protocol: 17, payload: udpDatagram(1, 2) }), "pass");
  for (const destination of ["127.0.0.1", "127.8.9.1", "0.0.0.0", "169.254.169.254", "224.0.0.1", "255.255.255.255"]) {
    assert.equal(verdict({ destination, payload: tcpSegment(40_000, 80, SYN) }), "special-destination");
  }
});

test("egressVerdict() passes only frames for the gateway's MAC, as libslirp takes all", () => {
  assert.equal(verdict({ destination: "1.1.1.1", destinationMac: "52:54:00:00:00:01" }), "not-for-gateway");
  assert.equal(verdict({ destination: "1.1.1.1", destinationMac: "ff:ff:ff:ff:ff:ff" }), "not-for-gateway");
  assert.equal(verdict({ destination: "1.1.1.1", destinationMac: "52:55:0a:2b:00:01" }), "not-for-gateway");
});

test("egressVerdict() passes ARP and drops all that is neither ARP nor well-formed IPv4", () => {
  const arp = arpFrame({ operation: 1, senderMac: MAC, sender: SOURCE, target: "10.42.0.1" });
  assert.equal(egressVerdict(arp, SOURCE, POLICY), "pass");
  assert.equal(egressVerdict(arp.subarray(0, 30), SOURCE, POLICY), "not-ipv4");
  const frame = ipv4Frame({ sourceMac: MAC, source: SOURCE, destination: "1.1.1.1" });
  for (const [offset, value] of [
    [14, 0x65],
    [14, 0x44],
    [16, 0xff],
    [12, 0x86],
  ] as const) {
    const broken = frame.slice();
    broken[offset] = value;
    assert.equal(egressVerdict(broken, SOURCE, POLICY), "not-ipv4");
  }
  assert.equal(egressVerdict(frame.subarray(0, 20), SOURCE, POLICY), "not-ipv4");
});
