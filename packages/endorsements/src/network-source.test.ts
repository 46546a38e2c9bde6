import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Notice } from "./cache/caching-client.ts";
import { DEFAULT_NETWORK_OPTIONS, networkSource } from "./network-source.ts";
import { nodeDependencies } from "./node-dependencies.ts";
import { refusal } from "./testing/errors.ts";
import { FakeKds } from "./testing/fake-kds.ts";
import { FakePcs } from "./testing/fake-pcs.ts";
import { says } from "./testing/fake-server.ts";
import { FAKE_SEV_SNP, FAKE_TDX, FakeWorld } from "./testing/world.ts";

const top = await mkdtemp(join(tmpdir(), "endorsements-"));
const kds = await FakeKds.start();
const pcs = await FakePcs.start();
after(() => Promise.all([kds.server.close(), pcs.server.close(), rm(top, { recursive: true, force: true })]));
kds.publishVcek(FAKE_SEV_SNP);
const collateral = pcs.intel.collateral();
pcs.publish(FAKE_TDX, collateral);
const OPTIONS = { ...DEFAULT_NETWORK_OPTIONS, kdsUrl: kds.server.url, pcs: pcs.service };

test("networkSource() gets endorsements of either vendor, through one cache", async () => {
  const world = new FakeWorld();
  const source = networkSource(OPTIONS, world);
  const snp = await source.sevSnp(FAKE_SEV_SNP);
  const tdx = await source.tdx(FAKE_TDX);
  assert.deepEqual(tdx, collateral);
  assert.equal(world.store.entries.size, 3 + 4);
  kds.server.failAlways(says(500));
  pcs.server.failAlways(says(500));
  assert.deepEqual(await source.sevSnp(FAKE_SEV_SNP), snp);
  assert.deepEqual(await source.tdx(FAKE_TDX), tdx);
  kds.server.reset();
  pcs.server.reset();
});

test("networkSource() ends with the caller", async () => {
  const source = networkSource(OPTIONS, new FakeWorld());
  const signal = AbortSignal.abort();
  await assert.rejects(source.sevSnp(FAKE_SEV_SNP, signal), refusal("cancelled"));
  await assert.rejects(source.tdx(FAKE_TDX, signal), refusal("cancelled"));
});

test("networkSource() asks the vendors' own services by default", async () => {
  const asked: string[] = [];
  const fetch = async (url: string) => {
    asked.push(url);
    return new Response(null, { status: 404 });
  };
  const source = networkSource(DEFAULT_NETWORK_OPTIONS, new FakeWorld({ fetch }));
  await assert.rejects(source.sevSnp({ ...FAKE_SEV_SNP, kind: "VLEK" }), refusal("unknown_platform"));
  await assert.rejects(source.tdx(FAKE_TDX), refusal("unknown_platform"));
  assert.deepEqual(asked, [
    "https://kdsintf.amd.com/vlek/v1/Milan/cert_chain",
    "https://api.trustedservices.intel.com/tdx/certification/v4/tcb?fmspc=b0c06f000000&update=standard",
  ]);
});

test("nodeDependencies() gives network, clock and files of this machine", async () => {
  const cacheDirectory = join(top, "cache");
  const notices: Notice[] = [];
  const notify = (notice: Notice) => notices.push(notice);
  const dependencies = nodeDependencies({ env: {}, cacheDirectory, notify });
  const source = networkSource(OPTIONS, dependencies);
  kds.server.failNext(says(429, { "retry-after": "0" }));
  const got = await source.sevSnp(FAKE_SEV_SNP);
  assert.deepEqual(
    notices.map(({ kind }) => kind),
    ["waiting"],
  );
  assert.equal((await readdir(cacheDirectory)).length, 3);
  const again = networkSource(OPTIONS, nodeDependencies({ env: {}, cacheDirectory, notify }));
  const before = kds.server.requests.length;
  assert.deepEqual(await again.sevSnp(FAKE_SEV_SNP), got);
  assert.equal(kds.server.requests.length, before);
});
