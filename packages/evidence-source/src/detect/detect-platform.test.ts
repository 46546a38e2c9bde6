import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { FakeHost, systemError } from "../testing/fake-host.ts";
import { errorAnswer, FakeNv } from "../testing/fake-nv.ts";
import { refusal } from "../testing/refusal.ts";
import { HCL_REPORT_NV } from "../tpm/hcl.ts";
import { detectPlatform } from "./detect-platform.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? join(import.meta.dirname, "../../../../../shared/vectors");
const hclReport = (id: string) => new Uint8Array(readFileSync(join(VECTORS, "azure", id, "hcl_report.bin")));

const signal = new AbortController().signal;
const DMI = "/sys/class/dmi/id";
const TPM = { "/dev/tpmrm0": "" };
const SNP = { "/dev/sev-guest": "" };
const TDX = { "/dev/tdx_guest": "" };
const CPU = { "/proc/cpuinfo": "processor\t: 0\nflags\t\t: fpu sse2\n" };

type Files = Readonly<Record<string, string>>;

function dmi(fields: Files): Files {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [`${DMI}/${name}`, `${value}\n`]));
}

const AWS = dmi({ sys_vendor: "Amazon EC2", bios_vendor: "Amazon EC2", product_name: "m6a.large" });
const AZURE = dmi({
  sys_vendor: "Microsoft Corporation",
  product_name: "Virtual Machine",
  chassis_asset_tag: "7783-7084-3265-9085-8269-3286-77",
});
const GCP = dmi({ sys_vendor: "Google", product_name: "Google Compute Engine", bios_vendor: "Google" });
const QEMU = dmi({ sys_vendor: "QEMU", product_name: "Standard PC (Q35 + ICH9, 2009)" });
const OTHER = dmi({ sys_vendor: "Red Hat", product_name: "KVM" });

function detect(host: FakeHost, nv?: FakeNv) {
  const openTpm = async () => {
    if (nv === undefined) throw systemError("ENOENT");
    return nv;
  };
  return detectPlatform({ files: host, openTpm }, signal);
}

function machine(...parts: readonly Files[]): FakeHost {
  return new FakeHost().with(Object.assign({}, CPU, ...parts) as Files);
}

function azureTpm(id?: string): FakeNv {
  const nv = new FakeNv({ transmit: () => Promise.reject(new Error("no TPM")) });
  return id === undefined ? nv : nv.store(HCL_REPORT_NV, hclReport(id));
}

describe("detectPlatform()", () => {
  const found: [string, FakeHost, FakeNv | undefined][] = [
    ["aws-sev-snp", machine(AWS, TPM, SNP), undefined],
    ["aws-nitro-tpm", machine(AWS, TPM), undefined],
    ["gcp-sev-snp", machine(GCP, TPM, SNP), undefined],
    ["gcp-tdx", machine(GCP, TPM, TDX), undefined],
    ["gcp-sev-es", machine(GCP, TPM), undefined],
    ["azure-sev-snp", machine(AZURE, TPM), azureTpm("snp-milan-v3-trustee-v1")],
    ["azure-tdx", machine(AZURE, TPM), azureTpm("tdx-trustee-v1")],
    ["azure-trusted-launch", machine(AZURE, TPM), azureTpm()],
    ["sev-snp", machine(QEMU, SNP), undefined],
    ["sev-snp", machine(OTHER, SNP, TPM), undefined],
    ["tdx", machine(QEMU, TDX, TPM), undefined],
    ["tdx", machine(TDX), undefined],
    ["qemu-vtpm", machine(QEMU, TPM), undefined],
  ];
  for (const [variant, host, nv] of found) {
    test(`finds ${variant} by ${[...host.tree.keys()].join(" ")}`, async () => {
      assert.equal(await detect(host, nv), variant);
    });
  }

  const flags = (names: string): Files => ({ "/proc/cpuinfo": `flags\t\t: fpu ${names} sse2\nflags\t\t: none\n` });
  const ambiguous: [string, FakeHost, RegExp][] = [
    [
      "fields of two platforms",
      machine(AWS, dmi({ bios_vendor: "Google" })),
      /"Amazon EC2" and .*bios_vendor "Google"/,
    ],
    ["Azure's tag on QEMU", machine(AZURE, dmi({ sys_vendor: "QEMU" }), TPM), /signs of one platform/],
    ["both guest devices", machine(QEMU, SNP, TDX), /guest devices of sev-snp and tdx, wanted one/],
    [
      "a CPU of SEV-SNP without its device",
      machine(GCP, TPM, flags("sev_snp")),
      /"sev_snp" without "\/dev\/sev-guest"/,
    ],
    ["a CPU of TDX without its device", machine(QEMU, TPM, flags("tdx_guest")), /"tdx_guest" without/],
    ["AWS with TDX", machine(AWS, TPM, TDX), /aws and the guest device of tdx/],
    ["Azure with a guest device", machine(AZURE, TPM, SNP), /azure and guest devices of sev-snp/],
    ["Azure without TPM", machine(AZURE), /azure without "\/dev\/tpmrm0"/],
    ["AWS without TPM", machine(AWS, SNP), /aws without/],
    ["GCP without TPM", machine(GCP, TDX), /gcp without/],
  ];
  for (const [title, host, message] of ambiguous) {
    test(`refuses ${title}`, async () => {
      await assert.rejects(detect(host, azureTpm()), refusal("platform_ambiguous", message));
    });
  }

  test("takes a CPU flag together with its device", async () => {
    assert.equal(await detect(machine(GCP, TPM, TDX, flags("tdx_guest"))), "gcp-tdx");
    assert.equal(await detect(machine(QEMU, TPM, { "/proc/cpuinfo": "processor\t: 0\n" })), "qemu-vtpm");
  });

  test("refuses a machine without signs, and says what it shows", async () => {
    await assert.rejects(
      detect(machine(OTHER, TPM)),
      refusal("platform_unknown", /sys_vendor "Red Hat", product_name "KVM", chassis_asset_tag "", bios_vendor ""/),
    );
    await assert.rejects(detect(machine(QEMU)), refusal("platform_unknown", /sys_vendor "QEMU"/));
    await assert.rejects(
      detect(machine(dmi({ sys_vendor: "Microsoft Corporation", product_name: "Virtual Machine" }), TPM)),
      refusal("platform_unknown"),
    );
  });

  test("refuses an Azure machine whose TPM is missing, fails, or holds something else", async () => {
    await assert.rejects(detect(machine(AZURE, TPM)), refusal("device_missing", /Look for Azure's paravisor failed/));
    const nv = azureTpm();
    nv.answers.set(0x169, errorAnswer(0x923));
    await assert.rejects(detect(machine(AZURE, TPM), nv), refusal("tpm", /TPM_RC_NV_UNAVAILABLE/));
    const other = azureTpm().store(HCL_REPORT_NV, new Uint8Array(2600));
    await assert.rejects(detect(machine(AZURE, TPM), other), refusal("blob_malformed"));
  });

  test("refuses what cannot be read", async () => {
    const field = machine(QEMU, TPM).fails("read", `${DMI}/sys_vendor`, "EACCES");
    await assert.rejects(detect(field), refusal("device_failed", /sys_vendor" failed: got EACCES/));
    const large = machine({ [`${DMI}/sys_vendor`]: "x".repeat(4097) });
    await assert.rejects(detect(large), refusal("blob_too_large"));
    const bytes = machine().with({ [`${DMI}/sys_vendor`]: Uint8Array.of(0xff) });
    await assert.rejects(detect(bytes), refusal("device_failed", /UTF-8/));
    const cpu = machine(QEMU).fails("read", "/proc/cpuinfo", "EIO");
    await assert.rejects(detect(cpu), refusal("device_failed", /got EIO/));
    const huge = machine().with({ "/proc/cpuinfo": new Uint8Array(16 * 1024 * 1024 + 1) });
    await assert.rejects(detect(huge), refusal("blob_too_large"));
    const odd = machine(QEMU);
    const read = odd.read;
    odd.read = async (path, max) => {
      if (path === "/proc/cpuinfo") throw new Error("odd");
      return await read(path, max);
    };
    await assert.rejects(detect(odd), refusal("device_failed", /another error/));
  });
});
