import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { verifyReport } from "@constellation/sev-snp";
import { FakeAmd, reportFields, signReport, writeReport } from "@constellation/sev-snp/testing";
import { derToPem, parseCertificate } from "@constellation/x509";
import { CachingClient } from "../cache/caching-client.ts";
import { DEFAULT_LIMITS } from "../http/limits.ts";
import type { SevSnpPlatform } from "../source.ts";
import { refusal } from "../testing/errors.ts";
import { FakeKds } from "../testing/fake-kds.ts";
import { FAKE_SEV_SNP, FakeWorld } from "../testing/world.ts";
import { KdsClient } from "./kds.ts";

const DAY_MS = 86_400_000;
const NEVER = new AbortController().signal;
const kds = await FakeKds.start();
const { server } = kds;
after(() => server.close());
beforeEach(() => server.reset());

function newClient(world = new FakeWorld()): KdsClient {
  return new KdsClient(new CachingClient({ cache: "use", limits: DEFAULT_LIMITS }, world), server.url);
}

function asked(): string[] {
  return server.requests.map(({ path }) => path);
}

test("KdsClient.endorsements() gives what a report signed by a VCEK is verified with", async () => {
  const vcek = kds.publishVcek(FAKE_SEV_SNP);
  const got = await newClient().endorsements(FAKE_SEV_SNP, NEVER);
  assert.deepEqual(got, {
    endorsementCert: vcek,
    caChain: [kds.amd.ask, kds.amd.ark],
    crls: [kds.amd.issueCrl([])].map((_, index) => got.crls[index]),
  });
  assert.deepEqual(asked(), [
    `/vcek/v1/Milan/${"c1".repeat(64)}?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219`,
    "/vcek/v1/Milan/cert_chain",
    "/vcek/v1/Milan/crl",
  ]);
});

test("KdsClient.endorsements() gives what verifyReport() accepts", async () => {
  const world = new FakeWorld();
  const { chipId, reportedTcb } = reportFields("Milan");
  const { certificate, privateKey } = kds.amd.issueVcek({ hwId: chipId, tcb: reportedTcb });
  const platform: SevSnpPlatform = { product: "Milan", kind: "VCEK", chipId, tcb: reportedTcb };
  server.set(kds.vcekPath(platform), { body: certificate });
  const got = await newClient(world).endorsements(platform, NEVER);
  const { genuine } = verifyReport({
    report: signReport(writeReport(reportFields("Milan")), privateKey),
    endorsementCert: got.endorsementCert as Uint8Array,
    caChain: got.caChain,
    roots: [parseCertificate(kds.amd.ark)],
    now: world.now(),
    revocation: { kind: "crls", crls: got.crls },
  });
  assert.ok(genuine);
});

test("KdsClient.endorsements() asks for chain and CRL only where a VLEK signed", async () => {
  const got = await newClient().endorsements({ ...FAKE_SEV_SNP, kind: "VLEK" }, NEVER);
  assert.equal("endorsementCert" in got, false);
  assert.deepEqual(got.caChain, [kds.amd.asvk, kds.amd.ark]);
  assert.deepEqual(asked(), ["/vlek/v1/Milan/cert_chain", "/vlek/v1/Milan/crl"]);
});

test("KdsClient.endorsements() names chips of Turin by eight bytes", async () => {
  const turin = await FakeKds.start(new FakeAmd("Turin"));
  try {
    const chipId = new Uint8Array(64).fill(0xc2, 0, 8);
    const platform: SevSnpPlatform = {
      product: "Turin",
      kind: "VCEK",
      chipId,
      tcb: Uint8Array.of(1, 2, 0, 5, 0, 0, 0, 32),
    };
    const vcek = turin.publishVcek(platform);
    const client = new CachingClient({ cache: "use", limits: DEFAULT_LIMITS }, new FakeWorld());
    const got = await new KdsClient(client, `${turin.server.url}/`).endorsements(platform, NEVER);
    assert.deepEqual(got.endorsementCert, vcek);
    assert.equal(
      turin.server.requests[0]?.path,
      `/vcek/v1/Turin/${"c2".repeat(8)}?fmcSPL=01&blSPL=02&teeSPL=00&snpSPL=05&ucodeSPL=32`,
    );
  } finally {
    await turin.server.close();
  }
});

test("KdsClient keeps a VCEK for ever, a chain for a day, and a CRL until its nextUpdate or for a week", async () => {
  const world = new FakeWorld();
  const nextUpdate = new Date(world.now().getTime() + 3 * DAY_MS);
  kds.publishCrl("VCEK", kds.amd.issueCrl([], { nextUpdate }), '"1"');
  kds.publishVcek(FAKE_SEV_SNP);
  const paths = [kds.vcekPath(FAKE_SEV_SNP), kds.chainPath("VCEK"), kds.crlPath("VCEK")];
  const [, chain, crl] = paths;
  const askedAfter = async (timeMs: number) => {
    server.reset();
    world.pass(timeMs);
    await newClient(world).endorsements(FAKE_SEV_SNP, NEVER);
    return asked();
  };
  assert.deepEqual(await askedAfter(0), paths);
  assert.deepEqual(await askedAfter(DAY_MS - 1), []);
  assert.deepEqual(await askedAfter(1), [chain]);
  kds.publishCrl("VCEK", kds.amd.issueCrl([]), '"2"');
  assert.deepEqual(await askedAfter(2 * DAY_MS), [chain, crl]);
  assert.deepEqual(await askedAfter(7 * DAY_MS - 1), [chain]);
  assert.deepEqual(await askedAfter(1), [crl]);
});

test("KdsClient refuses answers that are not what was asked for", async () => {
  const chain = kds.chainPath("VCEK");
  const refusals: [string, Uint8Array, string][] = [
    [kds.vcekPath(FAKE_SEV_SNP), utf8(derToPem(kds.amd.ask)), "VCEK certificate of Milan"],
    [chain, utf8(derToPem(kds.amd.ask)), "got 1 certificates, wanted 2"],
    [chain, kds.amd.ask, "VCEK certificate chain of Milan"],
    [kds.crlPath("VCEK"), kds.amd.ask, "VCEK CRL of Milan"],
  ];
  for (const [path, body, part] of refusals) {
    const fresh = await FakeKds.start(kds.amd);
    try {
      fresh.publishVcek(FAKE_SEV_SNP);
      fresh.server.set(path, { body });
      const world = new FakeWorld();
      const client = new CachingClient({ cache: "use", limits: DEFAULT_LIMITS }, world);
      const got = new KdsClient(client, fresh.server.url).endorsements(FAKE_SEV_SNP, NEVER);
      await assert.rejects(got, refusal("malformed", part));
      assert.equal(world.store.entries.has(`${fresh.server.url}${path}`), false);
    } finally {
      await fresh.server.close();
    }
  }
});

test("KdsClient refuses platforms that AMD does not know, and those that are none", async () => {
  const client = newClient();
  const unknown = { ...FAKE_SEV_SNP, chipId: new Uint8Array(64).fill(9) };
  await assert.rejects(client.endorsements(unknown, NEVER), refusal("unknown_platform", "VCEK certificate of Milan"));
  server.reset();
  const masked = { ...FAKE_SEV_SNP, chipId: new Uint8Array(64) };
  await assert.rejects(client.endorsements(masked, NEVER), refusal("chip_masked"));
  const short = { ...FAKE_SEV_SNP, chipId: new Uint8Array(63) };
  await assert.rejects(client.endorsements(short, NEVER), refusal("platform_invalid", "CHIP_ID of 63 bytes"));
  const noTcb = { ...FAKE_SEV_SNP, tcb: new Uint8Array(7) };
  await assert.rejects(client.endorsements(noTcb, NEVER), refusal("platform_invalid", "REPORTED_TCB of 7 bytes"));
  assert.deepEqual(asked(), []);
});

test("KdsClient refuses a mirror over plain http", () => {
  const client = new CachingClient({ cache: "use", limits: DEFAULT_LIMITS }, new FakeWorld());
  assert.throws(() => new KdsClient(client, "http://mirror.example"), refusal("url_refused"));
});
