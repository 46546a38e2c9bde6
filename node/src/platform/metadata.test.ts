import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { defaultInterface } from "./address.ts";
import { parseMetadata } from "./metadata.ts";

describe("parseMetadata()", () => {
  test("takes role and addresses", () => {
    const text = '{"role":"worker","controlPlaneAddresses":["10.42.0.10"]}';
    assert.deepEqual(parseMetadata(text), { role: "worker", controlPlaneAddresses: ["10.42.0.10"] });
  });

  const bad = [
    "",
    "[]",
    "{}",
    '{"role":"admin","controlPlaneAddresses":[]}',
    '{"role":"worker"}',
    '{"role":"worker","controlPlaneAddresses":["example.org"]}',
    '{"role":"worker","controlPlaneAddresses":[1]}',
    `{"role":"worker","controlPlaneAddresses":${JSON.stringify(Array.from({ length: 65 }, () => "10.0.0.1"))}}`,
  ];
  for (const text of bad) {
    test(`refuses ${text.slice(0, 60)}`, () => assert.throws(() => parseMetadata(text), { code: "platform" }));
  }
});

describe("defaultInterface()", () => {
  const HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";

  test("gives the default route's interface with the smallest metric", () => {
    const routes =
      `${HEADER}eth1\t00000000\t0100000A\t0003\t0\t0\t200\t00000000\t0\t0\t0\n` +
      "eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\n" +
      "eth2\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
    assert.equal(defaultInterface(routes), "eth0");
  });

  test("gives nothing where there is no default route", () => assert.equal(defaultInterface(HEADER), undefined));
});

test("parseMetadata() reads where endorsements are to be had, over https only", () => {
  const parsed = (endorsements: unknown) =>
    parseMetadata(JSON.stringify({ role: "worker", controlPlaneAddresses: [], endorsements }));
  const services = { kdsUrl: "https://kds.example", pccsUrl: "https://pccs.example:8081" };
  assert.deepEqual(parsed(services).endorsements, services);
  assert.deepEqual(parsed({}).endorsements, {});
  assert.throws(() => parsed(7), /endorsements is 7, wanted an object/);
  assert.throws(() => parsed({ pccsUrl: "http://pccs.example" }), /endorsements\.pccsUrl is .*, wanted an https URL/);
});
