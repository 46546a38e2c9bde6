import assert from "node:assert/strict";
import { createHash, type KeyObject, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { appraise, clusterIdPcr } from "@constellation/attestation";
import { hex } from "@constellation/bytes";
import { findSwtpm, Swtpm } from "@constellation/testkit";
import { createFakeTpmCa, FAKE_EVENTS, type FakeTpmCa, fakeEventLog } from "@constellation/testkit/fake-tpm";
import { AK_TEMPLATE, EK_TEMPLATE, TPM_RH, Tpm } from "@constellation/tpm2";
import { publicKeyOf } from "@constellation/tpm2/node";
import { pemToDer } from "@constellation/x509";
import { joinServicePolicy } from "../join/appraiser.ts";
import { createKeyPair, issueSelfSigned } from "../pki/certificate.ts";
import { NOW } from "../testing/fakes.ts";
import { NodeTpm } from "./node-tpm.ts";

const signal = new AbortController().signal;
const CLUSTER_ID = new Uint8Array(32).fill(7);
const skip = findSwtpm() === undefined ? "no swtpm on this machine" : false;

describe("NodeTpm, on a real software TPM", { skip }, () => {
  let swtpm: Swtpm;
  let ca: FakeTpmCa;
  let directory: string;
  let node: NodeTpm;
  let ekDigest: string;

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "constellation-node-tpm-"));
    swtpm = await Swtpm.start();
    ca = await createFakeTpmCa();
    ekDigest = await manufacture();
    const log = fakeEventLog();
    writeFileSync(join(directory, "log"), log.bytes);
    node = await NodeTpm.open(swtpm.transport, { eventLogPath: join(directory, "log") }, signal);
  });
  after(async () => {
    await swtpm.stop();
    rmSync(directory, { recursive: true });
  });

  /** What infrastructure does with a new TPM: certificates into NV. */
  async function manufacture(): Promise<string> {
    const tpm = new Tpm(swtpm.transport);
    await tpm.startup();
    for (const { pcr, data } of FAKE_EVENTS) {
      await tpm.pcrExtend(pcr, new Uint8Array(createHash("sha256").update(data).digest()));
    }
    const ek = await tpm.createPrimary(TPM_RH.ENDORSEMENT, EK_TEMPLATE);
    const ak = await tpm.createPrimary(TPM_RH.ENDORSEMENT, AK_TEMPLATE);
    const ekKey = publicKeyOf(ek.public);
    const digest = createHash("sha256")
      .update(ekKey.export({ type: "spki", format: "der" }))
      .digest("hex");
    await store(tpm, 0x01c0000a, certificateFor(ekKey));
    await store(tpm, 0x01c10002, await ca.certifyKey(publicKeyOf(ak.public), digest));
    await store(tpm, 0x01c00100, pemToDer(ca.certificatePem));
    await tpm.flushContext(ek.handle);
    await tpm.flushContext(ak.handle);
    return digest;
  }

  async function store(tpm: Tpm, nvIndex: number, bytes: Uint8Array): Promise<void> {
    await tpm.nvDefineSpace({ nvIndex, sizeBytes: bytes.length });
    await tpm.nvWrite(nvIndex, bytes);
  }

  function certificateFor(publicKey: KeyObject): Uint8Array {
    const subject = { commonName: "endorsement key" };
    const validity = { notBefore: NOW, notAfter: new Date("2036-01-01T00:00:00Z") };
    const request = { subject, publicKey, usage: "client", altNames: [], ...validity } as const;
    return new Uint8Array(new X509Certificate(issueSelfSigned(request, createKeyPair().privateKey)).raw);
  }

  test("knows its endorsement identity and its TPM's authority", () => {
    assert.equal(hex(node.machineDigest), ekDigest);
    assert.deepEqual(node.caCertificate, pemToDer(ca.certificatePem));
  });

  test("issues evidence that is accepted by the policy of a node like itself", async () => {
    const reportData = new Uint8Array(64).fill(1);
    const policy = joinServicePolicy(node.caCertificate, await node.readPcrs(signal));
    const pcrs = { ...policy.pcrs, "15": { kind: "any", reason: "not in a cluster yet" } as const };
    const verdict = appraise(await node.issue(reportData, signal), { ...policy, pcrs }, { reportData, now: NOW });
    assert.equal(verdict.accepted, true, JSON.stringify(verdict.checks));
    assert.equal(verdict.claims.ekDigest, ekDigest);
  });

  test("answers several askers one after the other", async () => {
    const datas = [1, 2, 3].map((value) => new Uint8Array(64).fill(value));
    const all = await Promise.all(datas.map((data) => node.issue(data, signal)));
    assert.equal(new Set(all.map(hex)).size, 3);
  });

  test("refuses report data of another length", async () => {
    await assert.rejects(node.issue(new Uint8Array(32), signal), { code: "request" });
  });

  test("marks its TPM with one cluster, once", async () => {
    assert.equal(await node.isMarked(signal), false);
    await node.markWithClusterId(CLUSTER_ID, signal);
    await node.markWithClusterId(CLUSTER_ID, signal);
    assert.equal(hex((await node.readPcrs(signal)).get(15) ?? new Uint8Array()), clusterIdPcr(CLUSTER_ID));
    assert.equal(await node.isMarked(signal), true);
    await assert.rejects(node.markWithClusterId(new Uint8Array(32).fill(8), signal), { code: "cluster_mismatch" });
  });
});
