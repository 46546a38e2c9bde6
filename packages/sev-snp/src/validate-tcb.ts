import { type Check, fail } from "@constellation/verdict";
import type { ValidateCode } from "./check-code.ts";
import { expectMinimum, NUMBERS } from "./minimum.ts";
import type { Product } from "./product.ts";
import type { Report } from "./report.ts";
import type { MilanGenoaSvns, ProductPolicies, TurinSvns } from "./report-policy.ts";
import { decodeTcbVersion, type TcbComponent, tcbLayout, tcbVersionText } from "./tcb-version.ts";

/** TCB versions of a report that have a bound, with the field of the bound and the start of their codes. */
const FIELDS = [
  { field: "reportedTcb", bound: "reported", code: "reported_tcb" },
  { field: "committedTcb", bound: "committed", code: "committed_tcb" },
  { field: "launchTcb", bound: "launch", code: "launch_tcb" },
] as const;

const COMPONENT_CODES = {
  fmc: "fmc",
  bootLoader: "boot_loader",
  tee: "tee",
  snp: "snp",
  microcode: "microcode",
} as const satisfies Record<TcbComponent, string>;

/**
 * Checks each component of REPORTED_TCB, COMMITTED_TCB and LAUNCH_TCB against the bound for the product line: SVNs are
 * compared one by one, as a newer microcode makes up for no older firmware (AMD 56860 section 2.2).
 */
export function validateTcb(report: Report, product: Product, policies: ProductPolicies): Check<ValidateCode>[] {
  const policy = policies[product];
  switch (policy.kind) {
    case "refuse":
      return [fail("report.product", "product", { got: product, wanted: accepted(policies) })];
    case "any":
      return FIELDS.map(({ field }) => {
        const got = tcbVersionText(decodeTcbVersion(report[field], product));
        return { name: `report.${field}`, outcome: "accepted-by-choice", got, wanted: "any", reason: policy.reason };
      });
    case "minimum":
      return FIELDS.flatMap(({ field, bound, code }) => {
        const got = decodeTcbVersion(report[field], product);
        const least: Partial<TurinSvns> & MilanGenoaSvns = policy[bound];
        return componentsOf(product).map((component) => {
          const name = `report.${field}.${component}` as const;
          const minimum = { kind: "minimum", value: least[component] as number } as const;
          return expectMinimum(
            name,
            `${code}_${COMPONENT_CODES[component]}`,
            got[component] as number,
            minimum,
            NUMBERS,
          );
        });
      });
  }
}

function componentsOf(product: Product): TcbComponent[] {
  return Object.keys(tcbLayout(product)) as TcbComponent[];
}

function accepted(policies: ProductPolicies): string {
  const names = Object.entries(policies).flatMap(([name, { kind }]) => (kind === "refuse" ? [] : [name]));
  return names.length === 0 ? "none, all are refused" : names.join(" or ");
}
