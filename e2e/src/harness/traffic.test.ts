import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePcap } from "./pcap.ts";
import { BOOTSTRAP_TCP_PORTS, describeTraffic, judgeTraffic } from "./traffic.ts";

const RULES = { nodes: new Set(["10.42.0.10", "10.42.0.100"]), clearTcpPorts: BOOTSTRAP_TCP_PORTS };
const PROTOCOL = { icmp: 1, tcp: 6, udp: 17 } as const;

function ethernet(etherType: number, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.alloc(12), Buffer.from([etherType >> 8, etherType & 255]), body]);
}

interface PacketParts {
  from: string;
  to: string;
  protocol: keyof typeof PROTOCOL;
  ports?: [number, number];
  body?: Uint8Array;
  fragmentOffset?: number;
  hasMore?: boolean;
  id?: number;
}

function packet(parts: PacketParts): Buffer {
  const { from, to, protocol, ports = [0, 0], body, fragmentOffset = 0, hasMore = false, id = 0 } = parts;
  const header = Buffer.alloc(20);
  header[0] = 0x45;
  header.writeUInt16BE(id, 4);
  header.writeUInt16BE(fragmentOffset | (hasMore ? 0x2000 : 0), 6);
  header[9] = PROTOCOL[protocol];
  for (const [at, address] of [[12, from] as const, [16, to] as const]) header.set(address.split(".").map(Number), at);
  const tail = Buffer.alloc(8);
  tail.writeUInt16BE(ports[0], 0);
  tail.writeUInt16BE(ports[1], 2);
  return Buffer.concat([header, body ?? tail]);
}

const ipv4 = (parts: PacketParts): Uint8Array => ethernet(0x0800, packet(parts));
const between = { from: "10.42.0.10", to: "10.42.0.100" };

function judged(...frames: Uint8Array[]): readonly string[] {
  return judgeTraffic(frames, RULES).violations;
}

test("judgeTraffic() allows ARP, DHCP, WireGuard and the listed ports between nodes", () => {
  const frames = [
    ethernet(0x0806, new Uint8Array(28)),
    ipv4({ from: "0.0.0.0", to: "255.255.255.255", protocol: "udp", ports: [68, 67] }),
    ipv4({ ...between, protocol: "udp", ports: [51871, 51871] }),
    ...BOOTSTRAP_TCP_PORTS.map((port) => ipv4({ ...between, protocol: "tcp", ports: [port, 40000] })),
  ];
  assert.deepEqual(judged(...frames), []);
});

test("judgeTraffic() refuses anything else between nodes", () => {
  const frames = [
    ipv4({ ...between, protocol: "tcp", ports: [40000, 10250] }),
    ipv4({ ...between, protocol: "udp", ports: [40000, 8472] }),
    ipv4({ ...between, protocol: "icmp", body: new Uint8Array(8) }),
    ipv4({ ...between, protocol: "udp", fragmentOffset: 100 }),
    ethernet(0x86dd, new Uint8Array(40)),
    ethernet(0x88cc, new Uint8Array(40)),
  ];
  assert.deepEqual(judged(...frames), [
    "EtherType 0x88cc",
    "IPv6",
    "between nodes: fragment",
    "between nodes: icmp",
    "between nodes: tcp/10250",
    "between nodes: udp/8472",
  ]);
});

test("judgeTraffic() takes a fragment for what its datagram began as", () => {
  const first = (port: number, id: number): Uint8Array =>
    ipv4({ ...between, protocol: "udp", ports: [port, port], hasMore: true, id });
  const rest = (id: number): Uint8Array => ipv4({ ...between, protocol: "udp", fragmentOffset: 185, id });
  assert.deepEqual(judged(first(51871, 7), rest(7)), []);
  assert.deepEqual(judged(first(51871, 7), rest(8)), ["between nodes: fragment"]);
  const { counts, violations } = judgeTraffic([first(8472, 9), rest(9)], RULES);
  assert.deepEqual([...counts], [["between nodes: udp/8472", 2]]);
  assert.deepEqual(violations, ["between nodes: udp/8472"]);
  const reverse = ipv4({ from: between.to, to: between.from, protocol: "udp", fragmentOffset: 185, id: 7 });
  assert.deepEqual(judged(first(51871, 7), reverse), ["between nodes: fragment"]);
});

test("judgeTraffic() refuses pods and services in clear, wherever they go", () => {
  assert.deepEqual(judged(ipv4({ from: "10.244.1.7", to: "8.8.8.8", protocol: "udp", ports: [4000, 53] })), [
    "pods or services in clear: 10.244.1.7 to 8.8.8.8 udp/53",
  ]);
  assert.equal(judged(ipv4({ from: "10.42.0.10", to: "10.111.0.1", protocol: "tcp", ports: [1, 443] })).length, 1);
  assert.deepEqual(judged(ipv4({ from: "10.42.0.10", to: "10.112.0.1", protocol: "tcp", ports: [1, 443] })), []);
});

test("judgeTraffic() judges an ICMP error by the packet that it is about", () => {
  const about = (port: number, protocol: "tcp" | "udp"): Uint8Array => {
    const inner = packet({ from: between.to, to: between.from, protocol, ports: [port, port] });
    const body = Buffer.concat([Buffer.from([3, 3, 0, 0, 0, 0, 0, 0]), inner]);
    return ipv4({ ...between, protocol: "icmp", body });
  };
  assert.deepEqual(judged(about(51871, "udp"), about(6443, "tcp")), []);
  assert.deepEqual(judged(about(8472, "udp")), ["between nodes: ICMP error about udp/8472"]);
});

test("describeTraffic() counts by sort and marks what is not allowed", () => {
  const pull = ipv4({ from: "10.42.0.100", to: "10.42.0.1", protocol: "tcp", ports: [40000, 5000] });
  const report = judgeTraffic([pull, pull, ethernet(0x86dd, new Uint8Array(40))], RULES);
  const lines = ["  2 x node and gateway: tcp/5000", "  1 x IPv6", "  NOT ALLOWED: IPv6"];
  assert.equal(describeTraffic(report), lines.join("\n"));
});

function captureFile(littleEndian: boolean, frames: readonly Uint8Array[]): Uint8Array {
  const numbers = (...values: number[]): Buffer => {
    const bytes = Buffer.alloc(values.length * 4);
    values.forEach((value, index) =>
      littleEndian ? bytes.writeUInt32LE(value, index * 4) : bytes.writeUInt32BE(value, index * 4),
    );
    return bytes;
  };
  const records = frames.map((frame) => Buffer.concat([numbers(1, 2, frame.length, frame.length), frame]));
  return Buffer.concat([numbers(0xa1b23c4d, 0, 0, 0, 65535, 1), ...records]);
}

for (const littleEndian of [false, true]) {
  test(`parsePcap() gives the frames of a ${littleEndian ? "little" : "big"}-endian file`, () => {
    const frames = [Uint8Array.of(1), Uint8Array.of(2, 3)];
    const parsed = [...parsePcap(captureFile(littleEndian, frames))].map((frame) => [...frame]);
    assert.deepEqual(parsed, [[1], [2, 3]]);
  });
}

test("parsePcap() refuses files of another kind and files that were cut off", () => {
  const whole = captureFile(false, [Uint8Array.of(1, 2, 3, 4)]);
  for (const bytes of [new Uint8Array(24), whole.subarray(0, -1), whole.subarray(0, 30), new Uint8Array(3)]) {
    assert.throws(() => [...parsePcap(bytes)], { code: "capture" });
  }
});
