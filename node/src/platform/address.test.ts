import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultInterface, findOwnAddress } from "./address.ts";

const HEADER = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const LOCAL = "eth0\t0000FEA9\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
const route = (name: string, metric: number): string =>
  `${name}\t00000000\t0101000A\t0003\t0\t0\t${metric}\t00000000\t0\t0\t0\n`;

test("defaultInterface() is that of the default route with the smallest metric", () => {
  assert.equal(defaultInterface(HEADER + LOCAL + route("eth1", 200) + route("eth0", 100)), "eth0");
  assert.equal(defaultInterface(HEADER + LOCAL), undefined);
  assert.equal(defaultInterface(""), undefined);
});

test("findOwnAddress() says once that there is no address, and waits until told to end", async () => {
  const late: unknown[] = [];
  const end = new AbortController();
  let tries = 0;
  const routes = async (): Promise<string> => {
    tries += 1;
    if (tries === 100) end.abort();
    return HEADER;
  };
  const options = { onLate: (error: unknown) => void late.push(error), routes, delay: async () => {} };
  await assert.rejects(findOwnAddress(end.signal, options), { name: "NodeError", code: "platform" });
  assert.equal(tries, 100);
  assert.equal(late.length, 1);
  assert.match(String(late[0]), /Find own address failed: got interface "undefined", wanted one with IPv4/);
});
