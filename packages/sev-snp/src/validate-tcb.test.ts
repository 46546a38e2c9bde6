import assert from "node:assert/strict";
import { test } from "node:test";
import type { Product } from "./product.ts";
import { parseReport } from "./report.ts";
import type { ProductPolicies } from "./report-policy.ts";
import { NO_SVNS } from "./testing/no-svns.ts";
import { reportFields, writeReport } from "./testing/report-writer.ts";
import { validateTcb } from "./validate-tcb.ts";

const REFUSE = { kind: "refuse" } as const;
const NOTHING: ProductPolicies = { Milan: REFUSE, Genoa: REFUSE, Turin: REFUSE };

function validate(product: Product, policies: Partial<ProductPolicies>) {
  return validateTcb(parseReport(writeReport(reportFields(product))), product, { ...NOTHING, ...policies });
}

const SVNS = {
  Milan: { bootLoader: 4, tee: 0, snp: 24, microcode: 219 },
  Genoa: { bootLoader: 10, tee: 0, snp: 23, microcode: 84 },
  Turin: { fmc: 1, bootLoader: 2, tee: 0, snp: 5, microcode: 32 },
} as const;
const FIELDS = [
  ["reported", "reportedTcb", "reported_tcb"],
  ["committed", "committedTcb", "committed_tcb"],
  ["launch", "launchTcb", "launch_tcb"],
] as const;
const COMPONENTS = ["fmc", "bootLoader", "tee", "snp", "microcode"] as const;
const COMPONENT_CODES = { fmc: "fmc", bootLoader: "boot_loader", tee: "tee", snp: "snp", microcode: "microcode" };

for (const product of ["Milan", "Genoa", "Turin"] as const) {
  test(`validateTcb() accepts TCB versions of ${product} that reach the bound`, () => {
    const own = { ...NO_SVNS, ...SVNS[product] };
    const checks = validate(product, { [product]: { kind: "minimum", reported: own, committed: own, launch: own } });
    const components = COMPONENTS.filter((component) => component in SVNS[product]);
    const names = FIELDS.flatMap(([, field]) => components.map((component) => `report.${field}.${component}`));
    assert.deepEqual(
      checks.map(({ name, outcome }) => [name, outcome]),
      names.map((name) => [name, "pass"]),
    );
  });

  test(`validateTcb() refuses each component of ${product} that is below the bound`, () => {
    for (const [bound, field, code] of FIELDS) {
      for (const [component, svn] of Object.entries(SVNS[product])) {
        const least = { reported: NO_SVNS, committed: NO_SVNS, launch: NO_SVNS };
        const policy = { kind: "minimum", ...least, [bound]: { ...NO_SVNS, [component]: svn + 1 } } as const;
        const failed = validate(product, { [product]: policy }).filter(({ outcome }) => outcome === "fail");
        assert.deepEqual(failed, [
          {
            name: `report.${field}.${component}`,
            outcome: "fail",
            speaksFor: "hardware.firmware",
            code: `${code}_${COMPONENT_CODES[component as keyof typeof COMPONENT_CODES]}`,
            got: `${svn}`,
            wanted: `${svn + 1} or more`,
          },
        ]);
      }
    }
  });

  test(`validateTcb() refuses ${product} where the policy does`, () => {
    const [check, ...others] = validate(product, {});
    assert.deepEqual(others, []);
    assert.deepEqual(check, {
      name: "report.product",
      outcome: "fail",
      speaksFor: "hardware.firmware",
      code: "product",
      got: product,
      wanted: "none, all are refused",
    });
  });
}

test("validateTcb() names the product lines that the policy accepts", () => {
  const any = { kind: "any", reason: "test" } as const;
  assert.equal(validate("Turin", { Milan: any, Genoa: any })[0]?.wanted, "Milan or Genoa");
});

test("validateTcb() shows TCB versions that the policy leaves open", () => {
  assert.deepEqual(validate("Turin", { Turin: { kind: "any", reason: "lab" } })[0], {
    name: "report.reportedTcb",
    outcome: "accepted-by-choice",
    speaksFor: "hardware.firmware",
    got: "fmc 1, bootLoader 2, tee 0, snp 5, microcode 32",
    wanted: "any",
    reason: "lab",
  });
});

test("validateTcb() says that a reported TCB without a bound shows nothing of the firmware", () => {
  const least = { reported: NO_SVNS, committed: NO_SVNS, launch: NO_SVNS };
  const aspects = (policy: typeof least): string[] => {
    const checks = validate("Milan", { Milan: { kind: "minimum", ...policy } });
    return FIELDS.map(([, field]) => checks.find(({ name }) => name === `report.${field}.snp`)?.speaksFor ?? "none");
  };
  assert.deepEqual(aspects(least), ["hardware.unbounded", "hardware.detail", "hardware.detail"]);
  const bounded = { ...NO_SVNS, microcode: 1 };
  const [reported, committed] = aspects({ ...least, reported: bounded, committed: bounded });
  assert.deepEqual([reported, committed], ["hardware.firmware", "hardware.firmware"]);
});
