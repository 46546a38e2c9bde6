/** The cluster's network as it runs: netd, a real headless QEMU with libslirp, and machines that the test plays. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { GATEWAY_MAC } from "../addressing.ts";
import { type Forward, reconcileForwards, startGateway } from "../gateway/gateway.ts";
import { poll } from "../host/poll.ts";
import { endProcess } from "../host/process-identity.ts";
import { QmpClient } from "../qmp.ts";
import { missingTools, temporaryFolder } from "../testing.ts";
import type { NetdConfig } from "./config.ts";
import type { NetdStatus } from "./control-protocol.ts";
import { Netd } from "./daemon.ts";
import { parseArpFrame, parseIpv4, parseIpv4Frame, parseMac } from "./ethernet.ts";
import { MESSAGE_TYPE, OPTION, parseDhcp, serializeDhcp } from "./dhcp-codec.ts";
import { FakeGuest } from "./fake-guest.ts";
import { arpFrame, ipv4Frame, udpDatagram } from "./testing.ts";

const ENDPOINT = "127.211.8.1";
const PORT = 6443;
const NODES = [0, 1].map((i) => ({
  name: `control-plane-${i}`,
  mac: `52:54:00:00:00:0${i}`,
  address: `10.42.0.1${i}`,
  loopbackAddress: `127.211.8.1${i}`,
}));
const [SYN, RST_ACK, SYN_ACK, PSH_ACK] = [2, 20, 18, 24];
const skip = missingTools("qemu-system-x86_64");

interface Network {
  netd: Netd;
  config: NetdConfig;
  configPath: string;
  qmpSocket: string;
  guests: FakeGuest[];
}

async function start(t: TestContext, hostPorts: number[] = []): Promise<Network> {
  const folder = await temporaryFolder(t);
  const config: NetdConfig = {
    version: 1,
    controlSocket: join(folder, "netd.sock"),
    gatewaySocket: join(folder, "gateway.sock"),
    endpoint: { address: ENDPOINT, ports: [PORT] },
    hostPorts,
    ports: NODES.map(({ name, mac, address }) => ({ name, mac, address, socket: join(folder, `${name}.net`) })),
    backends: NODES.map(({ name, loopbackAddress }) => ({ name, loopbackAddress })),
  };
  const configPath = join(folder, "netd.json");
  const netd = new Netd(config, configPath);
  await netd.start();
  t.after(() => netd.stop());
  const qmpSocket = join(folder, "gateway.qmp");
  const log = join(folder, "gateway.log");
  const gateway = await startGateway({
    switchSocket: config.gatewaySocket,
    qmpSocket,
    logPath: log,
    tag: `test#gateway-${folder}`,
  });
  t.after(() => endProcess(gateway));
  await eventually(() => QmpClient.with(qmpSocket, (qmp) => qmp.execute("query-status")));
  await gatewayConnected(netd);
  return { netd, config, configPath, qmpSocket, guests: await plugAll(t, config) };
}

async function plugAll(t: TestContext, config: NetdConfig): Promise<FakeGuest[]> {
  const guests = await Promise.all(config.ports.map((port) => FakeGuest.plug(port.socket, port.mac, port.address)));
  t.after(() => guests.forEach((guest) => guest.unplug()));
  return guests;
}

async function eventually(ask: () => Promise<unknown>): Promise<void> {
  const onTimeout = (cause: unknown): Error => new Error("did not come", { cause });
  await poll(async () => (await ask()) as object | undefined, { timeoutMs: 60_000, onTimeout });
}

async function status(netd: Netd): Promise<NetdStatus> {
  return (await netd.handle({ command: "status" })) as NetdStatus;
}

async function gatewayConnected(netd: Netd): Promise<void> {
  await eventually(async () => ((await status(netd)).ports["gateway"]?.connected === true ? true : undefined));
}

function forwards(): Forward[] {
  return NODES.map(({ loopbackAddress: hostAddress, address: guestAddress }) => {
    return { hostAddress, hostPort: PORT, guestAddress, guestPort: PORT };
  });
}

function guest(network: Network, index: number): FakeGuest {
  const found = network.guests[index];
  assert.ok(found !== undefined);
  return found;
}

/** Plays a server on the guest: takes one connection, reads one piece of data, answers it in capitals, and resets. */
async function serveOnce(machine: FakeGuest): Promise<void> {
  const open = await machine.takeSegment(PORT);
  assert.deepEqual([open.flags, open.source], [SYN, "10.42.0.1"]);
  const answer = {
    destinationMac: GATEWAY_MAC,
    destination: open.source,
    sourcePort: PORT,
    destinationPort: open.sourcePort,
  };
  machine.sendSegment({ ...answer, flags: SYN_ACK, sequence: 100, acknowledge: open.sequence + 1 });
  const data = await machine.take((frame) => {
    const packet = parseIpv4Frame(frame);
    const bytes = packet?.payload.subarray(((packet.payload[12] ?? 0) >> 4) * 4);
    return bytes !== undefined && bytes.length > 0 ? bytes : undefined;
  });
  const upper = Buffer.from(Buffer.from(data).toString().toUpperCase());
  const acknowledge = open.sequence + 1 + data.length;
  machine.sendSegment({ ...answer, flags: PSH_ACK | 1, sequence: 101, acknowledge, data: upper });
}

async function refuseOnce(machine: FakeGuest): Promise<void> {
  const open = await machine.takeSegment(PORT);
  const { source: destination, sourcePort: destinationPort } = open;
  machine.sendSegment({
    destinationMac: GATEWAY_MAC,
    destination,
    sourcePort: PORT,
    destinationPort,
    flags: RST_ACK,
    sequence: 0,
    acknowledge: open.sequence + 1,
  });
}

async function ask(address: string): Promise<string> {
  const socket = connect(PORT, address);
  socket.write("hello");
  return await text(socket);
}

test("a machine gets its address, finds the gateway, and is reached by its forward", { skip }, async (t) => {
  const network = await start(t);
  const machine = guest(network, 1);
  const discover = serializeDhcp({
    op: 1,
    transactionId: 7,
    broadcast: false,
    clientAddress: new Uint8Array(4),
    yourAddress: new Uint8Array(4),
    clientMac: parseMac(machine.mac),
    options: new Map([[OPTION.messageType, Uint8Array.of(MESSAGE_TYPE.discover)]]),
  });
  const payload = udpDatagram(68, 67, discover);
  const toAll = { destinationMac: "ff:ff:ff:ff:ff:ff", source: "0.0.0.0", destination: "255.255.255.255" };
  machine.send(ipv4Frame({ sourceMac: machine.mac, ...toAll, protocol: 17, payload }));
  const offer = await machine.take((frame) => parseDhcp(parseIpv4Frame(frame)?.payload.subarray(8) ?? frame));
  assert.deepEqual([...offer.yourAddress], [...parseIpv4(machine.address)]);

  machine.send(arpFrame({ operation: 1, senderMac: machine.mac, sender: machine.address, target: "10.42.0.1" }));
  const answer = await machine.take(parseArpFrame);
  assert.deepEqual([answer.senderMac, answer.senderAddress], [GATEWAY_MAC, "10.42.0.1"]);

  await reconcileForwards(network.qmpSocket, forwards());
  await reconcileForwards(network.qmpSocket, forwards());
  const [got] = await Promise.all([ask("127.211.8.11"), serveOnce(machine)]);
  assert.equal(got, "HELLO");

  await reconcileForwards(network.qmpSocket, forwards().slice(0, 1));
  await assert.rejects(ask("127.211.8.11"), { code: "ECONNREFUSED" });
});

test("the endpoint passes over a control plane that refuses, though libslirp accepted for it", { skip }, async (t) => {
  const network = await start(t);
  await reconcileForwards(network.qmpSocket, forwards());
  const [got] = await Promise.all([ask(ENDPOINT), refuseOnce(guest(network, 0)), serveOnce(guest(network, 1))]);
  assert.equal(got, "HELLO");
  assert.deepEqual((await status(network.netd)).failures, [`control-plane-0:${PORT}`]);
});

test("a machine reaches the allowed port of the host's loopback and no other", { skip }, async (t) => {
  const listeners = await Promise.all(
    [0, 1].map(async () => {
      const server = createServer((socket) => socket.on("error", () => undefined));
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => server.close());
      return server;
    }),
  );
  const [allowed = 0, closed = 0] = listeners.map((server) => {
    const address = server.address();
    return typeof address === "object" ? (address?.port ?? 0) : 0;
  });
  const network = await start(t, [allowed]);
  const machine = guest(network, 0);
  const open = { destinationMac: GATEWAY_MAC, destination: "10.42.0.1", sourcePort: 45_000, flags: SYN, sequence: 1 };
  machine.sendSegment({ ...open, destinationPort: closed });
  machine.sendSegment({ ...open, destinationPort: allowed });
  const answer = await machine.takeSegment(45_000);
  assert.deepEqual([answer.sourcePort, answer.flags], [allowed, SYN_ACK]);
  assert.deepEqual((await status(network.netd)).drops["host-loopback"], 1);
});

test("a capture can be switched on and off, and the network comes back after netd was restarted", {
  skip,
}, async (t) => {
  const network = await start(t);
  const path = `${network.configPath}.pcap`;
  await network.netd.handle({ command: "capture-start", path });
  const [first, second] = [guest(network, 0), guest(network, 1)];
  const marker = Buffer.from("a marker in clear");
  const packet = {
    sourceMac: first.mac,
    destinationMac: second.mac,
    source: first.address,
    destination: second.address,
  };
  first.send(ipv4Frame({ ...packet, protocol: 17, payload: udpDatagram(1, 2, marker) }));
  await second.take((frame) => (Buffer.from(frame).includes(marker) ? frame : undefined));
  await network.netd.handle({ command: "capture-stop" });
  assert.ok((await readFile(path)).includes(marker));

  await network.netd.handle({ command: "set-host-ports", hostPorts: [7] });
  await network.netd.stop();
  const again = new Netd(JSON.parse(await readFile(network.configPath, "utf8")) as NetdConfig, network.configPath);
  await again.start();
  t.after(() => again.stop());
  await gatewayConnected(again);
  assert.deepEqual((await status(again)).hostPorts, [7]);
  const [machine] = await plugAll(t, network.config);
  assert.ok(machine !== undefined);
  machine.send(arpFrame({ operation: 1, senderMac: machine.mac, sender: machine.address, target: "10.42.0.3" }));
  assert.equal((await machine.take(parseArpFrame)).senderAddress, "10.42.0.3");
});
