import assert from "node:assert/strict";
import { test } from "node:test";
import { GATEWAY_MAC } from "../addressing.ts";
import { MESSAGE_TYPE, OPTION, serializeDhcp } from "./dhcp-codec.ts";
import { parseMac } from "./ethernet.ts";
import { Switch } from "./switch.ts";
import { arpFrame, ipv4Frame, tcpSegment, udpDatagram } from "./testing.ts";

const A = { name: "a", mac: "52:54:00:00:00:0a", address: "10.42.0.10" };
const B = { name: "b", mac: "52:54:00:00:00:0b", address: "10.42.0.11" };
const C = { name: "c", mac: "52:54:00:00:00:0c", address: "10.42.0.12" };

function build() {
  const seen: string[] = [];
  const captured: Uint8Array[] = [];
  const watched: string[] = [];
  const network = new Switch(
    { hostPorts: [5000] },
    { onFrame: (frame) => captured.push(frame), onMachineFrame: (port) => watched.push(port) },
  );
  for (const machine of [A, B, C]) {
    network.addPort({ kind: "machine", ...machine, send: () => seen.push(machine.name) });
  }
  network.addPort({ kind: "gateway", name: "gateway", send: () => seen.push("gateway") });
  return { network, seen, captured, watched };
}

function fromA(more: Partial<Parameters<typeof ipv4Frame>[0]>): Uint8Array {
  return ipv4Frame({ sourceMac: A.mac, destinationMac: B.mac, source: A.address, destination: B.address, ...more });
}

test("Switch sends a frame to the machine it is for, and to nobody else", () => {
  const { network, seen, watched } = build();
  network.ingress("a", fromA({}));
  assert.deepEqual(seen, ["b"]);
  assert.deepEqual(watched, ["a"]);
});

test("Switch floods broadcasts to machines, and to the gateway only what the filter passes", () => {
  const { network, seen } = build();
  network.ingress("a", arpFrame({ operation: 1, senderMac: A.mac, sender: A.address, target: "10.42.0.1" }));
  assert.deepEqual(seen, ["b", "c", "gateway"]);
  seen.length = 0;
  network.ingress("a", fromA({ destinationMac: "ff:ff:ff:ff:ff:ff", destination: "10.42.0.255", protocol: 17 }));
  assert.deepEqual(seen, ["b", "c"]);
});

test("Switch learns the gateway's addresses and stops flooding for them", () => {
  const { network, seen } = build();
  const outward = fromA({ destinationMac: GATEWAY_MAC, destination: "1.1.1.1" });
  network.ingress("a", outward);
  assert.deepEqual(seen, ["b", "c", "gateway"]);
  seen.length = 0;
  network.ingress(
    "gateway",
    ipv4Frame({ sourceMac: GATEWAY_MAC, destinationMac: A.mac, source: "1.1.1.1", destination: A.address }),
  );
  network.ingress("a", outward);
  assert.deepEqual(seen, ["a", "gateway"]);
});

test("Switch drops frames with another machine's MAC, from machines and from the gateway", () => {
  const { network, seen } = build();
  network.ingress("a", fromA({ sourceMac: C.mac }));
  network.ingress(
    "gateway",
    ipv4Frame({ sourceMac: C.mac, destinationMac: A.mac, source: C.address, destination: A.address }),
  );
  assert.deepEqual(seen, []);
  assert.deepEqual(network.drops(), { "spoofed-mac": 2 });
});

test("Switch drops ARP answers for another's address or with another's MAC inside, and passes address probes", () => {
  const { network, seen } = build();
  const arp = { operation: 2 as const, senderMac: A.mac, target: B.address, destinationMac: B.mac };
  network.ingress("a", arpFrame({ ...arp, sender: "10.42.0.1" }));
  network.ingress("a", arpFrame({ ...arp, sender: A.address, frameMac: A.mac, senderMac: C.mac }));
  assert.deepEqual(seen, []);
  network.ingress("a", arpFrame({ ...arp, sender: "0.0.0.0" }));
  network.ingress("a", arpFrame({ ...arp, sender: A.address }));
  assert.deepEqual(seen, ["b", "b"]);
  assert.deepEqual(network.drops(), { "spoofed-arp": 2 });
});

test("Switch answers DHCP itself, captures the answer, and drops machines that pose as DHCP servers", () => {
  const { network, seen, captured, watched } = build();
  const discover = serializeDhcp({
    op: 1,
    transactionId: 1,
    broadcast: false,
    clientAddress: new Uint8Array(4),
    yourAddress: new Uint8Array(4),
    clientMac: parseMac(A.mac),
    options: new Map([[OPTION.messageType, Uint8Array.of(MESSAGE_TYPE.discover)]]),
  });
  const broadcast = {
    destinationMac: "ff:ff:ff:ff:ff:ff",
    source: "0.0.0.0",
    destination: "255.255.255.255",
    protocol: 17,
  };
  network.ingress("a", fromA({ ...broadcast, payload: udpDatagram(68, 67, discover) }));
  assert.deepEqual([seen, captured.length, watched], [["a"], 2, []]);
  network.ingress("a", fromA({ protocol: 17, payload: udpDatagram(67, 68, discover) }));
  assert.deepEqual([seen, network.drops()], [["a"], { "rogue-dhcp": 1 }]);
});

test("Switch keeps machines from the host's loopback", () => {
  const { network, seen } = build();
  const toHost = { destinationMac: GATEWAY_MAC, destination: "10.42.0.1" };
  network.ingress(
    "gateway",
    arpFrame({ operation: 1, senderMac: GATEWAY_MAC, sender: "10.42.0.1", target: A.address }),
  );
  seen.length = 0;
  network.ingress("a", fromA({ ...toHost, payload: tcpSegment(40_000, 22, 2) }));
  assert.deepEqual([seen, network.drops()], [[], { "host-loopback": 1 }]);
  network.ingress("a", fromA({ ...toHost, payload: tcpSegment(40_000, 5000, 2) }));
  assert.deepEqual(seen, ["gateway"]);
});

test("Switch forgets a removed port and captures frames that it drops", () => {
  const { network, seen, captured } = build();
  network.removePort("b");
  network.ingress("a", fromA({}));
  network.ingress("b", fromA({}));
  network.ingress("a", Uint8Array.of(1, 2, 3));
  assert.deepEqual(seen, ["c"]);
  assert.deepEqual([captured.length, network.drops()["too-short"]], [2, 1]);
});
