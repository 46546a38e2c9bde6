import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { findSwtpm } from "@constellation/testkit";
import { AK_TEMPLATE, parsePublic, serializePublic, Tpm, TPM_RH, type TpmTransport } from "@constellation/tpm2";
import { CloudTpm, gcpTemplate } from "../testing/cloud-tpm.ts";
import { FakeHost, systemError } from "../testing/fake-host.ts";
import { errorAnswer, FakeNv } from "../testing/fake-nv.ts";
import { nsmResponse } from "../testing/cbor.ts";
import { refusal } from "../testing/refusal.ts";
import { AZURE_AK_CERTIFICATE_NV, azureKey, GCP_AK_NV, gcpKey } from "./attestation-key.ts";
import { readEventLog, TPM_EVENT_LOG } from "./event-log.ts";
import { HCL_REPORT_NV, paravisorHardware, requireHclReport } from "./hcl.ts";
import { getNitroDocument, MESSAGE_NV } from "./nitro-document.ts";
import { certificateIn, readNv } from "./nv.ts";
import { quotePcrs } from "./quote-pcrs.ts";
import { type OpenTpm, SharedTpm } from "./shared-tpm.ts";

const signal = new AbortController().signal;
const DATA = new Uint8Array(64).fill(3);
const silent: TpmTransport = { transmit: () => Promise.reject(new Error("no TPM")) };
const open = (transport: TpmTransport): OpenTpm => ({ tpm: new Tpm(transport), transport });

describe("SharedTpm.run()", () => {
  const run = (openTpm: () => Promise<TpmTransport>, ended = signal) => {
    return new SharedTpm(openTpm).run("Quote", async () => "done", ended);
  };

  test("opens the TPM when it is first needed, and once", async () => {
    let opened = 0;
    let fails = true;
    const shared = new SharedTpm(async () => {
      opened++;
      if (fails) throw systemError("EBUSY");
      return silent;
    });
    assert.equal(opened, 0);
    await assert.rejects(
      shared.run("Quote", async () => 1, signal),
      refusal("device_busy", /Quote failed: got EBUSY/),
    );
    fails = false;
    assert.equal(await shared.run("Quote", async () => 1, signal), 1);
    assert.equal(await shared.run("Quote", async () => 2, signal), 2);
    assert.equal(opened, 2);
  });

  test("tells a machine without a TPM from one whose TPM fails", async () => {
    for (const code of ["ENOENT", "ENODEV", "ENXIO"]) {
      await assert.rejects(
        run(() => Promise.reject(systemError(code))),
        refusal("device_missing", new RegExp(`Quote failed: got ${code}, wanted a TPM`)),
      );
    }
    await assert.rejects(
      run(() => Promise.reject(systemError("EIO"))),
      refusal("tpm", /EIO/),
    );
    await assert.rejects(
      run(() => Promise.reject("odd")),
      refusal("tpm", /another error/),
    );
  });

  test("ends with the caller's signal", async () => {
    await assert.rejects(
      run(async () => silent, AbortSignal.abort()),
      { name: "AbortError" },
    );
  });
});

describe("readEventLog()", () => {
  test("gives the log, or nothing where the kernel has none", async () => {
    const host = new FakeHost();
    assert.equal(await readEventLog(TPM_EVENT_LOG, host), undefined);
    assert.deepEqual(
      await readEventLog(TPM_EVENT_LOG, host.with({ [TPM_EVENT_LOG]: "log" })),
      new TextEncoder().encode("log"),
    );
  });

  test("refuses a log that cannot be read or is too large", async () => {
    const host = new FakeHost().with({ [TPM_EVENT_LOG]: new Uint8Array(512 * 1024 + 1) });
    await assert.rejects(readEventLog(TPM_EVENT_LOG, host), refusal("blob_too_large"));
    host.fails("read", TPM_EVENT_LOG, "EACCES");
    await assert.rejects(readEventLog(TPM_EVENT_LOG, host), refusal("device_failed", /got EACCES/));
    host.read = () => Promise.reject(new Error("odd"));
    await assert.rejects(readEventLog(TPM_EVENT_LOG, host), refusal("device_failed", /another error/));
  });
});

test("certificateIn() gives the certificate without what follows, and refuses one that is cut off", () => {
  const certificate = Uint8Array.of(0x30, 0x82, 1, 2, ...new Uint8Array(258));
  assert.deepEqual(certificateIn(Buffer.concat([certificate, Buffer.alloc(9)]), "x").length, 262);
  const bad = [certificate.subarray(0, 261), new Uint8Array(), Uint8Array.of(0x30), Uint8Array.of(0x31, 0x82, 0, 0)];
  for (const bytes of [...bad, Uint8Array.of(0x30, 0x81, 0, 0)]) {
    assert.throws(() => certificateIn(bytes, "x"), refusal("blob_malformed", /Read x failed: .*a whole certificate/));
  }
});

describe("HCL report in NV memory", () => {
  const refused = async (nv: FakeNv, check: (error: unknown) => boolean) => {
    await assert.rejects(requireHclReport(new Tpm(nv), "sev-snp", signal), check);
  };

  test("requireHclReport() refuses a TPM without one, and other bytes", async () => {
    const nv = new FakeNv(silent);
    await refused(nv, refusal("tpm_missing", /Read HCL report failed: got no NV index 0x01400001/));
    nv.store(HCL_REPORT_NV, new Uint8Array(2600));
    await refused(nv, refusal("blob_malformed", /signature/));
  });

  test("paravisorHardware() finds none where there is no report", async () => {
    assert.equal(await paravisorHardware(new Tpm(new FakeNv(silent)), signal), undefined);
  });

  test("readNv() hands on other errors of the TPM", async () => {
    const nv = new FakeNv(silent).store(HCL_REPORT_NV, new Uint8Array(1));
    nv.answers.set(0x14e, errorAnswer(0x149));
    await assert.rejects(readNv(new Tpm(nv), HCL_REPORT_NV, signal), { responseName: "TPM_RC_NV_AUTHORIZATION" });
  });
});

describe("getNitroDocument()", () => {
  const nitro = (respond: (request: Uint8Array) => Uint8Array = () => nsmResponse(DATA)): FakeNv => {
    const nv = new FakeNv(silent);
    nv.nsm = respond;
    return nv;
  };
  const leftover = (attributes: number, sizeBytes: number) => ({ attributes, data: new Uint8Array(sizeBytes) });

  test("writes the request, has it answered in place, and removes the index", async () => {
    let request = "";
    const nv = nitro((bytes) => {
      request = Buffer.from(bytes).toString("latin1");
      return nsmResponse(new Uint8Array(5000).fill(9));
    });
    assert.deepEqual(await getNitroDocument(open(nv), DATA, signal), new Uint8Array(5000).fill(9));
    assert.match(request, /^\xa1kAttestation\xa3/);
    assert.ok(request.includes(Buffer.from(DATA).toString("latin1")));
    assert.equal(nv.indices.size, 0);
  });

  test("takes over an index that was left behind", async () => {
    const nv = nitro();
    nv.indices.set(MESSAGE_NV, leftover(0x2004_0004, 8192));
    assert.deepEqual(await getNitroDocument(open(nv), DATA, signal), DATA);
    assert.equal(nv.indices.size, 0);
  });

  for (const [attributes, sizeBytes] of [
    [0x2006_0004, 8192],
    [0x2004_0004, 8191],
  ] as const) {
    test(`leaves another's index alone: 0x${attributes.toString(16)}, ${sizeBytes} bytes`, async () => {
      const nv = nitro();
      nv.indices.set(MESSAGE_NV, leftover(attributes, sizeBytes));
      await assert.rejects(getNitroDocument(open(nv), DATA, signal), refusal("device_busy", /got another's there/));
      assert.equal(nv.indices.size, 1);
    });
  }

  test("removes the index where the module refuses, and where the TPM does not know the command", async () => {
    const nv = nitro(() => Uint8Array.of(0xa1, 0x65, ...Buffer.from("Error"), 0x61, 0x78));
    await assert.rejects(getNitroDocument(open(nv), DATA, signal), refusal("device_failed", /got "x"/));
    assert.equal(nv.indices.size, 0);
    nv.nsm = undefined;
    await assert.rejects(getNitroDocument(open(nv), DATA, signal), {
      name: "TpmError",
      responseName: "TPM_RC_COMMAND_CODE",
      message: /^TPM2_VENDOR_AWS_NSM_REQUEST failed: got TPM_RC_COMMAND_CODE/,
    });
    assert.equal(nv.indices.size, 0);
  });

  test("keeps its error where the index cannot be removed either", async () => {
    const nv = nitro();
    nv.answers.set(0x20000001, Uint8Array.of(0x80, 0x01));
    nv.answers.set(0x122, errorAnswer(0x923));
    await assert.rejects(getNitroDocument(open(nv), DATA, signal), { code: "malformed" });
    assert.equal(nv.indices.size, 1);
  });

  test("hands on other errors of the TPM", async () => {
    const nv = nitro();
    nv.answers.set(0x169, errorAnswer(0x923));
    await assert.rejects(getNitroDocument(open(nv), DATA, signal), { responseName: "TPM_RC_NV_UNAVAILABLE" });
  });
});

const skip = findSwtpm() === undefined ? "no swtpm on this machine" : false;

describe("attestation keys, on a real software TPM", { skip }, () => {
  let cloud: CloudTpm;
  before(async () => {
    cloud = await CloudTpm.start();
  });
  after(() => cloud.stop());

  test("gcpKey() makes the key of the template and gives its certificate, ECC before RSA", async () => {
    const nv = await cloud.provisionGcp(cloud.withoutNv(), "ECC");
    await cloud.provisionGcp(nv, "RSA", AK_TEMPLATE);
    const tpm = new Tpm(nv);
    const key = await gcpKey(tpm, signal);
    await cloud.tpm.flushContext(key.handle);
    assert.deepEqual(key.certificate, nv.indices.get(GCP_AK_NV[0].certificate)?.data);
    nv.indices.delete(GCP_AK_NV[0].certificate);
    const other = await gcpKey(tpm, signal);
    await cloud.tpm.flushContext(other.handle);
    assert.notDeepEqual(other.akPublic, key.akPublic);
  });

  test("gcpKey() refuses a TPM without certificate or template", async () => {
    const nv = cloud.withoutNv();
    await assert.rejects(gcpKey(new Tpm(nv), signal), refusal("tpm_missing", /no certificate of Google's/));
    await cloud.provisionGcp(nv);
    nv.indices.delete(GCP_AK_NV[0].template);
    await assert.rejects(gcpKey(new Tpm(nv), signal), refusal("tpm_missing", /got no NV index 0x01c10003/));
  });

  test("gcpKey() refuses a certificate of another key, and bytes that are none, and keeps no key loaded", async () => {
    const nv = await cloud.provisionGcp(cloud.withoutNv());
    nv.store(GCP_AK_NV[0].template, serializePublic(AK_TEMPLATE));
    // A software TPM has room for three keys.
    for (let round = 0; round < 4; round++) {
      await assert.rejects(gcpKey(new Tpm(nv), signal), refusal("key_mismatch", /got key SPKI sha256:/));
    }
    nv.store(GCP_AK_NV[0].certificate, Uint8Array.of(0x30, 0x82, 0, 1, 5));
    await assert.rejects(gcpKey(new Tpm(nv), signal), refusal("blob_malformed", /Read attestation key failed/));
    nv.answers.set(0x165, errorAnswer(0x923));
    await assert.rejects(gcpKey(new Tpm(nv), signal), refusal("blob_malformed"));
  });

  test("azureKey() refuses a TPM without key or certificate", async () => {
    const nv = cloud.withoutNv();
    await assert.rejects(azureKey(new Tpm(nv), signal), refusal("tpm_missing", /got no NV index 0x01c101d0/));
    nv.store(AZURE_AK_CERTIFICATE_NV, new Uint8Array(300));
    await assert.rejects(azureKey(new Tpm(nv), signal), refusal("tpm_missing", /got no key at 0x81000003/));
    nv.answers.set(0x173, errorAnswer(0x923));
    await assert.rejects(azureKey(new Tpm(nv), signal), { responseName: "TPM_RC_NV_UNAVAILABLE" });
  });

  test("azureKey() gives the persistent key with its certificate, without the padding of the index", async () => {
    const nv = await cloud.provisionAzure(cloud.withoutNv());
    const { handle, akPublic, certificate } = await azureKey(new Tpm(nv), signal);
    assert.equal(handle, 0x81000003);
    assert.deepEqual(parsePublic(akPublic), (await cloud.tpm.readPublic(handle)).public);
    assert.equal(certificate.length, (nv.indices.get(AZURE_AK_CERTIFICATE_NV)?.data.length ?? 0) - 100);
  });

  test("quotePcrs() quotes again where PCRs changed in between, and ends where they always do", async () => {
    const nv = cloud.withoutNv();
    const key = await cloud.tpm.createPrimary(TPM_RH.ENDORSEMENT, gcpTemplate());
    let changes = 2;
    nv.before = async (code) => {
      if (code === 0x158 && changes-- > 0) await cloud.tpm.pcrExtend(15, new Uint8Array(32));
    };
    const { pcrs } = await quotePcrs(new Tpm(nv), key.handle, DATA, signal);
    assert.deepEqual(pcrs, await cloud.tpm.pcrRead(Array.from({ length: 16 }, (_, index) => index)));
    changes = 3;
    await assert.rejects(quotePcrs(new Tpm(nv), key.handle, DATA, signal), refusal("pcrs_changing", /in 3 rounds/));
    await cloud.tpm.flushContext(key.handle);
  });
});
