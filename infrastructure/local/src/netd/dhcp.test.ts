import assert from "node:assert/strict";
import { test } from "node:test";
import { type DhcpMessage, MESSAGE_TYPE, OPTION, parseDhcp, serializeDhcp } from "./dhcp-codec.ts";
import { answerDhcp, isDhcpReply, isDhcpRequest } from "./dhcp-server.ts";
import { formatIpv4, formatMac, parseIpv4, parseIpv4Frame, parseMac } from "./ethernet.ts";
import { ipv4Frame, udpDatagram } from "./testing.ts";
import { internetChecksum } from "./udp-frame.ts";

const LEASE = { mac: "52:54:00:00:00:07", address: "10.42.0.17" };

function message(type: number, options: [number, Uint8Array][] = [], more: Partial<DhcpMessage> = {}): DhcpMessage {
  return {
    op: 1,
    transactionId: 0xdeadbeef,
    broadcast: false,
    clientAddress: new Uint8Array(4),
    yourAddress: new Uint8Array(4),
    clientMac: parseMac(LEASE.mac),
    options: new Map([[OPTION.messageType, Uint8Array.of(type)], ...options]),
    ...more,
  };
}

function requestFrame(dhcp: DhcpMessage): Uint8Array {
  return ipv4Frame({
    sourceMac: LEASE.mac,
    destinationMac: "ff:ff:ff:ff:ff:ff",
    source: "0.0.0.0",
    destination: "255.255.255.255",
    protocol: 17,
    payload: udpDatagram(68, 67, serializeDhcp(dhcp)),
  });
}

function answer(dhcp: DhcpMessage): { frame: Uint8Array; reply: DhcpMessage; destination: string } | undefined {
  const frame = answerDhcp(requestFrame(dhcp), LEASE);
  if (frame === undefined) return undefined;
  const packet = parseIpv4Frame(frame);
  const reply = parseDhcp(packet?.payload.subarray(8) ?? new Uint8Array(0));
  assert.ok(packet !== undefined && reply !== undefined);
  return { frame, reply, destination: packet.destination };
}

function type(reply: DhcpMessage | undefined): number | undefined {
  return reply?.options.get(OPTION.messageType)?.[0];
}

test("serializeDhcp() and parseDhcp() are inverse", () => {
  const sent = message(MESSAGE_TYPE.request, [[OPTION.requestedAddress, parseIpv4("10.42.0.17")]], { broadcast: true });
  assert.deepEqual(parseDhcp(serializeDhcp(sent)), sent);
});

test("parseDhcp() refuses short, foreign and truncated messages", () => {
  const good = serializeDhcp(message(MESSAGE_TYPE.discover));
  assert.equal(parseDhcp(good.subarray(0, 239)), undefined);
  for (const [offset, value] of [
    [0, 3],
    [1, 6],
    [2, 8],
    [236, 0],
  ] as const) {
    const broken = good.slice();
    broken[offset] = value;
    assert.equal(parseDhcp(broken), undefined);
  }
  const overlong = good.slice(0, 244);
  overlong.set([OPTION.router, 200], 240);
  assert.equal(parseDhcp(overlong), undefined);
});

test("answerDhcp() offers the recorded address with router, name server, mask, MTU and an infinite lease", () => {
  const got = answer(message(MESSAGE_TYPE.discover));
  assert.equal(type(got?.reply), MESSAGE_TYPE.offer);
  const option = (code: number): string => Buffer.from(got?.reply.options.get(code) ?? []).toString("hex");
  assert.equal(formatIpv4(got?.reply.yourAddress ?? new Uint8Array(0)), LEASE.address);
  assert.equal(got?.reply.transactionId, 0xdeadbeef);
  assert.deepEqual(
    [OPTION.router, OPTION.dns, OPTION.subnetMask, OPTION.mtu, OPTION.leaseTime, OPTION.serverIdentifier].map(option),
    ["0a2a0001", "0a2a0003", "ffffff00", "05dc", "ffffffff", "0a2a0001"],
  );
});

test("answerDhcp() acknowledges a request for the recorded address, by option 50 or by ciaddr", () => {
  const selecting = message(MESSAGE_TYPE.request, [[OPTION.requestedAddress, parseIpv4(LEASE.address)]]);
  const renewing = message(MESSAGE_TYPE.request, [], { clientAddress: parseIpv4(LEASE.address) });
  for (const request of [selecting, renewing]) assert.equal(type(answer(request)?.reply), MESSAGE_TYPE.ack);
});

test("answerDhcp() refuses a request for another address, to all", () => {
  const got = answer(message(MESSAGE_TYPE.request, [[OPTION.requestedAddress, parseIpv4("10.42.0.99")]]));
  assert.equal(type(got?.reply), MESSAGE_TYPE.nak);
  assert.equal(got?.destination, "255.255.255.255");
  assert.equal(formatIpv4(got?.reply.yourAddress ?? new Uint8Array(0)), "0.0.0.0");
});

test("answerDhcp() sends to the client's MAC, or to all where the client asks for it, with a right checksum", () => {
  const unicast = answer(message(MESSAGE_TYPE.discover));
  const broadcast = answer(message(MESSAGE_TYPE.discover, [], { broadcast: true }));
  assert.equal(formatMac(unicast?.frame ?? new Uint8Array(0)), LEASE.mac);
  assert.equal(formatMac(broadcast?.frame ?? new Uint8Array(0)), "ff:ff:ff:ff:ff:ff");
  assert.equal(internetChecksum(unicast?.frame.subarray(14, 34) ?? new Uint8Array(0)), 0);
});

test("answerDhcp() says nothing to another MAC, to replies, releases and messages without a type", () => {
  assert.equal(answer(message(MESSAGE_TYPE.discover, [], { clientMac: parseMac("52:54:00:00:00:08") })), undefined);
  assert.equal(answer(message(MESSAGE_TYPE.discover, [], { op: 2 })), undefined);
  assert.equal(answer(message(MESSAGE_TYPE.release)), undefined);
  assert.equal(answer({ ...message(MESSAGE_TYPE.discover), options: new Map() }), undefined);
});

test("isDhcpRequest() and isDhcpReply() go by the UDP ports", () => {
  const frame = (from: number, to: number): Uint8Array =>
    ipv4Frame({
      sourceMac: LEASE.mac,
      source: "0.0.0.0",
      destination: "255.255.255.255",
      protocol: 17,
      payload: udpDatagram(from, to),
    });
  assert.deepEqual([isDhcpRequest(frame(68, 67)), isDhcpReply(frame(68, 67))], [true, false]);
  assert.deepEqual([isDhcpRequest(frame(67, 68)), isDhcpReply(frame(67, 68))], [false, true]);
});
