import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { hex } from "@constellation/bytes";
import { buildPe, findTool } from "@constellation/testkit";
import { authenticodeHash } from "./authenticode.ts";
import { parseEventLog } from "./event-log.ts";
import { explainDifference } from "./explain.ts";
import { parseLegacyEventLog } from "./legacy-event-log.ts";
import type { PredictedMeasurements } from "./predict.ts";
import { predictMeasurements } from "./predict.ts";

const BOOT = new URL("../vectors/ovmf-systemd-stub-257/", import.meta.url);
const MAGIC = "#### LoaderInfo: systemd-stub 257.13-1~deb13u1 ####\0";
const KERNEL = buildPe({ sections: [{ name: ".text", content: Buffer.from("kernel") }] });
const MEASURE = findTool("usr/lib/systemd/systemd-measure");

/** The sections of the image that was booted for the vector, without its kernel and SBAT. */
function bootedSections(): Map<string, Uint8Array> {
  const names = readdirSync(new URL("sections/", BOOT));
  return new Map(names.map((name) => [`.${name}`, readFileSync(new URL(`sections/${name}`, BOOT))]));
}

function uki(sections: Iterable<readonly [string, Uint8Array]>, magic: string = MAGIC): Uint8Array {
  const all = [[".sdmagic", Buffer.from(magic)] as const, [".linux", KERNEL] as const, ...sections];
  return buildPe({ sections: all.map(([name, content]) => ({ name, content })) });
}

function eventsOf(predicted: PredictedMeasurements, pcr: number): [string, string][] {
  return predicted.events.filter((event) => event.pcr === pcr).map((event) => [event.type, event.digest]);
}

describe("predictMeasurements()", () => {
  const log = parseEventLog(readFileSync(new URL("eventlog.bin", BOOT)));
  const booted = JSON.parse(readFileSync(new URL("pcrs.json", BOOT), "utf8")) as { sha256: Record<string, string> };

  it("gives PCR 9 as a real boot has it", () => {
    const predicted = predictMeasurements({ uki: uki(bootedSections()) });
    assert.equal(predicted.pcrs[9], booted.sha256["9"]);
  });

  it("gives PCR 8 and 12 to 15 zero as a real boot has them", () => {
    const predicted = predictMeasurements({ uki: uki(bootedSections()) });
    for (const pcr of [8, 12, 13, 14, 15]) assert.equal(predicted.pcrs[pcr], booted.sha256[String(pcr)]);
  });

  it("gives the section events of a real boot, in their order, but for the parts left out of the vector", () => {
    const predicted = eventsOf(predictMeasurements({ uki: uki(bootedSections()) }), 11).map(([, digest]) => digest);
    const logged = log.events
      .filter((event) => event.pcrIndex === 11)
      .map((event) => hex(event.digests.get("sha256") as Uint8Array));
    const sbatName = createHash("sha256").update(".sbat\0").digest("hex");
    logged.splice(logged.indexOf(sbatName), 2);
    assert.equal(predicted[0], logged[0]);
    assert.deepEqual(predicted.slice(2), logged.slice(2));
  });

  it("puts the two loaded images behind the firmware's own events of PCR 4", () => {
    const image = uki([[".cmdline", Buffer.from("quiet")]]);
    const logged = log.events
      .filter((event) => event.pcrIndex === 4)
      .map((event) => hex(event.digests.get("sha256") as Uint8Array));
    assert.deepEqual(eventsOf(predictMeasurements({ uki: image }), 4), [
      ["EV_EFI_ACTION", logged[0]],
      ["EV_SEPARATOR", logged[1]],
      ["EV_EFI_BOOT_SERVICES_APPLICATION", hex(authenticodeHash(image, "sha256"))],
      ["EV_EFI_BOOT_SERVICES_APPLICATION", hex(authenticodeHash(KERNEL, "sha256"))],
    ]);
  });

  it("leaves out what the image does not have", () => {
    const predicted = predictMeasurements({ uki: uki([]) });
    assert.equal(predicted.pcrs[9], "00".repeat(32));
    assert.equal(eventsOf(predicted, 11).length, 2);
  });

  it("takes a single initrd as it is, and the command line up to its first zero", () => {
    const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
    const initrd = Buffer.from("initrd of 20 bytes..");
    const options = (text: string) =>
      eventsOf(
        predictMeasurements({ uki: uki([[".initrd", initrd] as const, [".cmdline", Buffer.from(text)] as const]) }),
        9,
      );
    assert.deepEqual(options("quiet\0more"), options("quiet"));
    assert.deepEqual(options("quiet")[1], ["EV_EVENT_TAG", sha256(initrd)]);
  });

  it("changes with one byte of the kernel, the initrd or the command line, each in its own PCRs", () => {
    const sections = bootedSections();
    const before = predictMeasurements({ uki: uki(sections) }).pcrs;
    const changed = (name: string): number[] => {
      const other = new Map(sections).set(name, Buffer.concat([sections.get(name) as Uint8Array, Buffer.from(" x")]));
      const after = predictMeasurements({ uki: uki(other) }).pcrs;
      return [4, 9, 11].filter((pcr) => after[pcr] !== before[pcr]);
    };
    assert.deepEqual(changed(".cmdline"), [4, 9, 11]);
    assert.deepEqual(changed(".initrd"), [4, 9, 11]);
    assert.deepEqual(changed(".uname"), [4, 11]);
    assert.deepEqual(changed(".pcrsig"), [4, 9]);
  });

  it("refuses images that it can't predict", () => {
    const cases: [Uint8Array, string][] = [
      [uki([], "#### LoaderInfo: systemd-stub 258.1 ####"), "uki"],
      [uki([], "no magic"), "uki"],
      [uki([[".profile", Buffer.from("ID=x")]]), "uki"],
      [uki([[".linux", KERNEL]]), "uki"],
      [uki([[".cmdline", Buffer.of(0xff, 0xfe)]]), "uki"],
      [buildPe({ sections: [{ name: ".sdmagic", content: Buffer.from(MAGIC) }] }), "uki"],
      [Buffer.from("not an image"), "pe"],
    ];
    for (const [image, code] of cases)
      assert.throws(() => predictMeasurements({ uki: image }), { name: "EventLogError", code });
  });

  it("gives PCR 11 as systemd-measure does", {
    skip: MEASURE === undefined && "no systemd-measure on this machine",
  }, () => {
    const sections = [...bootedSections()].filter(([name]) => name !== ".pcrsig");
    const directory = mkdtempSync(join(tmpdir(), "constellation-measure-"));
    try {
      const options = [[".linux", KERNEL] as const, ...sections].map(([name, content]) => {
        writeFileSync(join(directory, name.slice(1)), content);
        return `--${name.slice(1)}=${join(directory, name.slice(1))}`;
      });
      const { program, args } = MEASURE as NonNullable<typeof MEASURE>;
      const own = ["calculate", "--bank=sha256", "--phase=:", "--json=short", ...options];
      const output = execFileSync(program, [...args, ...own], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      const answer = JSON.parse(output) as { sha256: { hash: string }[] };
      assert.equal(predictMeasurements({ uki: uki(sections) }).pcrs[11], answer.sha256[0]?.hash);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe("explainDifference()", () => {
  const log = parseEventLog(readFileSync(new URL("eventlog.bin", BOOT)));

  it("names changed, missing and unexpected events", () => {
    const sections = bootedSections();
    sections.set(".cmdline", Buffer.from("console=ttyS0"));
    const differences = explainDifference(predictMeasurements({ uki: uki(sections) }), log);
    assert.deepEqual(
      differences.map(({ pcr, kind, logged, predicted }) => [pcr, kind, logged?.number, predicted?.description]),
      [
        [4, "changed", 26, "the unified kernel image"],
        [4, "changed", 43, "the kernel in .linux"],
        [9, "changed", 44, "the kernel command line (load options)"],
        [11, "changed", 28, `content of section .linux, ${KERNEL.length} bytes`],
        [11, "changed", 32, "content of section .cmdline, 13 bytes"],
        [11, "unexpected", 39, undefined],
        [11, "unexpected", 40, undefined],
      ],
    );
    assert.match(
      differences.at(-1)?.text ?? "",
      /^PCR 11: got event 40 EV_IPL "\.sbat" with digest "[0-9a-f]{64}", wanted no such event$/u,
    );
  });

  it("finds that all events differ in a log without SHA-256", () => {
    const legacy = parseLegacyEventLog(readFileSync(new URL("../vectors/debian-10/eventlog.bin", import.meta.url)));
    const predicted = predictMeasurements({ uki: uki(bootedSections()) });
    const [first] = explainDifference(predicted, legacy).filter(({ pcr, logged }) => pcr === 4 && logged !== undefined);
    assert.match(first?.text ?? "", /^PCR 4: got event \d+ EV_EFI_ACTION .* with digest "", wanted /u);
  });

  it("finds nothing where log and prediction agree", () => {
    const events = log.events
      .filter(({ pcrIndex }) => [4, 9, 11].includes(pcrIndex))
      .map(
        ({ pcrIndex: pcr, digests }) =>
          ({ pcr, type: "EV_IPL", description: "", digest: hex(digests.get("sha256") as Uint8Array) }) as const,
      );
    assert.deepEqual(explainDifference({ pcrs: { 4: "", 9: "", 11: "", 12: "" }, events }, log), []);
    const more = [...events, { pcr: 12, type: "EV_IPL", description: "an override", digest: "00" } as const];
    assert.deepEqual(
      explainDifference({ pcrs: { 12: "" }, events: more }, log).map(({ text }) => text),
      ['PCR 12: got no event, wanted EV_IPL an override with digest "00"'],
    );
  });
});
