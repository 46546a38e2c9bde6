/** Provisioning of a machine's TPM with a real swtpm. */
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AK_TEMPLATE, EK_TEMPLATE, type Tpm, TPM_CAP, TPM_RH, tpmPublicToSpki } from "@constellation/tpm2";
import { findByTag } from "../host/process-identity.ts";
import { missingTools, temporaryFolder } from "../testing.ts";
import { TpmAuthority } from "./authority.ts";
import { createTpm, withPoweredTpm } from "./create-tpm.ts";
import { allocateBanks, endorse, NV_INDEX } from "./provision.ts";
import type { SwtpmPaths } from "./swtpm.ts";

const skip = missingTools("swtpm");

async function place(t: TestContext): Promise<{ folder: string; paths: SwtpmPaths; tag: string }> {
  const folder = await temporaryFolder(t);
  const paths = {
    stateFolder: join(folder, "tpm"),
    controlSocket: join(folder, "tpm.ctrl"),
    commandSocket: join(folder, "tpm.cmd"),
    logPath: join(folder, "log"),
  };
  return { folder, paths, tag: `test#${folder}` };
}

test("createTpm() leaves certificates in NV that chain to the authority and name the TPM's own keys", {
  skip,
}, async (t) => {
  const { folder, paths, tag } = await place(t);
  const authority = await TpmAuthority.open(join(folder, "ca"), "Test TPM CA");
  const ekDigest = Buffer.from(await createTpm(paths, authority, tag)).toString("hex");
  await withPoweredTpm(paths, tag, async (tpm) => {
    await tpm.startup();
    const [ek, ak, ca] = [
      new X509Certificate(await tpm.nvRead(NV_INDEX.ekCertificate)),
      new X509Certificate(await tpm.nvRead(NV_INDEX.akCertificate)),
      new X509Certificate(await tpm.nvRead(NV_INDEX.caCertificate)),
    ];
    assert.deepEqual(ca.raw, Buffer.from(authority.certificate.rawData));
    for (const certificate of [ek, ak, ca]) {
      assert.ok(certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
      assert.equal(certificate.ca, certificate === ca);
    }
    assert.deepEqual(spki(ek), await primarySpki(tpm, EK_TEMPLATE));
    assert.deepEqual(spki(ak), await primarySpki(tpm, AK_TEMPLATE));
    assert.equal(createHash("sha256").update(spki(ek)).digest("hex"), ekDigest);
    assert.equal(ak.subjectAltName, `URI:urn:constellation:ek-sha256:${ekDigest}`);
    assert.deepEqual([ek.keyUsage, ak.keyUsage], [["2.23.133.8.1"], ["2.23.133.8.3"]]);
  });
  assert.deepEqual(findByTag(tag), []);
});

function spki(certificate: X509Certificate): Buffer {
  return certificate.publicKey.export({ type: "spki", format: "der" });
}

async function primarySpki(tpm: Tpm, template: typeof EK_TEMPLATE): Promise<Buffer> {
  const key = await tpm.createPrimary(TPM_RH.ENDORSEMENT, template);
  await tpm.flushContext(key.handle);
  return Buffer.from(tpmPublicToSpki(key.public));
}

test("createTpm() leaves the SHA-256 bank only, and indices that the machine's owner can't change", {
  skip,
}, async (t) => {
  const { folder, paths, tag } = await place(t);
  await createTpm(paths, await TpmAuthority.open(join(folder, "ca"), "Test TPM CA"), tag);
  await withPoweredTpm(paths, tag, async (tpm) => {
    await tpm.startup();
    const answer = await tpm.getCapability(TPM_CAP.PCRS, 0, 16);
    assert.ok(answer.capability === TPM_CAP.PCRS);
    const active = answer.assignedPcr.filter((bank) => bank.pcrSelect.some((byte) => byte !== 0));
    assert.deepEqual(
      active.map((bank) => bank.hash),
      [0x000b],
    );
    const owner = { handle: TPM_RH.OWNER };
    for (const nvIndex of Object.values(NV_INDEX)) {
      await assert.rejects(tpm.nvWrite(nvIndex, Uint8Array.of(1), owner), { code: "response" });
      await assert.rejects(tpm.nvUndefine(nvIndex, owner), { code: "response" });
    }
  });
});

test("createTpm() begins anew over what a run that was cut off left, with another identity", { skip }, async (t) => {
  const { folder, paths, tag } = await place(t);
  const authority = await TpmAuthority.open(join(folder, "ca"), "Test TPM CA");
  const first = await createTpm(paths, authority, tag);
  const second = await createTpm(paths, authority, tag);
  assert.notDeepEqual(second, first);
});

test("endorse() certifies nothing where the TPM can't activate the credential", { skip }, async (t) => {
  const { folder, paths, tag } = await place(t);
  const authority = await TpmAuthority.open(join(folder, "ca"), "Test TPM CA");
  await createTpm(paths, authority, tag);
  await withPoweredTpm(paths, tag, async (tpm) => {
    tpm.activateCredential = async () => new Uint8Array(32);
    tpm.nvDefineSpace = async () => assert.fail("a certificate was written");
    await assert.rejects(endorse(tpm, authority), { code: "tpm-failed", message: /another secret/ });
  });
  await withPoweredTpm(paths, tag, async (tpm) => {
    tpm.pcrAllocate = async () => ({ success: false, maxPcr: 0, sizeNeeded: 0, sizeAvailable: 0 });
    await assert.rejects(allocateBanks(tpm), { code: "tpm-failed" });
  });
});

test("TpmAuthority.open() makes a private key once and then loads it", async (t) => {
  const folder = join(await temporaryFolder(t), "ca");
  const first = await TpmAuthority.open(folder, "Test, with a comma");
  const second = await TpmAuthority.open(folder, "another name");
  assert.equal(second.certificate.toString("pem"), first.certificate.toString("pem"));
  assert.equal((await stat(join(folder, "key.pem"))).mode & 0o777, 0o600);
  const spkiOf = (authority: TpmAuthority): Uint8Array => new Uint8Array(authority.certificate.publicKey.rawData);
  const leaf = new X509Certificate(await second.certifyAttestationKey(spkiOf(first), "00"));
  const ca = new X509Certificate(first.certificate.toString("pem"));
  assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey));
});
