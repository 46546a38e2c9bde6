import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { appraise, PCR_INDICES, parseEvidence, type QemuVtpmPolicy } from "@constellation/attestation";
import { findSwtpm, Swtpm } from "@constellation/testkit";
import { Tpm } from "@constellation/tpm2";
import { HostAttester } from "./host-attester.ts";
import { CHECKOUT } from "./programs.ts";

const LOG = join(CHECKOUT, "packages/eventlog/vectors/ovmf-systemd-stub-257/eventlog.bin");
const AK_CERTIFICATE_INDEX = 0x01c10002;
const skip = findSwtpm() === undefined ? "no swtpm here" : false;

const ANY_MACHINE: QemuVtpmPolicy = {
  variant: "qemu-vtpm",
  endorsementRoots: [],
  pcrs: Object.fromEntries(
    PCR_INDICES.map((index) => [index, { kind: "any", reason: "test" }]),
  ) as QemuVtpmPolicy["pcrs"],
  endorsements: { kind: "anyOfRoots", reason: "test" },
};

test("HostAttester brings a TPM's PCRs to what an event log of another machine says", { skip }, async (t) => {
  const swtpm = await Swtpm.start();
  t.after(() => swtpm.stop());
  const tpm = new Tpm(swtpm.transport);
  await tpm.startup();
  await tpm.nvDefineSpace({ nvIndex: AK_CERTIFICATE_INDEX, sizeBytes: 3 });
  await tpm.nvWrite(AK_CERTIFICATE_INDEX, Uint8Array.of(1, 2, 3));
  await swtpm.powerCycle();
  const eventLog = new Uint8Array(await readFile(LOG));
  const attester = await HostAttester.open(tpm, eventLog);
  const reportData = new Uint8Array(randomBytes(64));
  const evidence = await attester.issue(reportData);
  assert.equal(attester.last, evidence);
  const { checks } = appraise(evidence, ANY_MACHINE, { reportData, now: new Date() });
  const passed = checks.filter(({ outcome }) => outcome === "pass").map(({ name }) => name);
  for (const index of [4, 9, 11, 12, 13]) assert.ok(passed.includes(`eventLog.pcr[${index}]`), `PCR ${index}`);
  const parsed = parseEvidence(evidence);
  assert.ok(parsed.variant === "qemu-vtpm");
  assert.deepEqual(parsed.pcrs.get(15), new Uint8Array(32));
  await attester.close();
});
