import { about, type Aspect, type Check, expectMinimum, NUMBERS } from "@constellation/verdict";
import type { ValidateCode } from "./check-code.ts";
import type { Product } from "./product.ts";
import type { Report } from "./report.ts";
import type { MilanGenoaSvns, ProductPolicies, TurinSvns } from "./report-policy.ts";
import { decodeTcbVersion, type TcbComponent, tcbLayout, tcbVersionText } from "./tcb-version.ts";

const { fail, open } = about("hardware.firmware");

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
        return open(`report.${field}`, policy.reason, { got });
      });
    case "minimum":
      return FIELDS.flatMap(({ field, bound, code }) => {
        const got = decodeTcbVersion(report[field], product);
        const least: Partial<TurinSvns> & MilanGenoaSvns = policy[bound];
        const aspect = aspectOf(
          bound,
          componentsOf(product).map((component) => least[component] as number),
        );
        return componentsOf(product).map((component) => {
          const name = `report.${field}.${component}` as const;
          const minimum = { kind: "minimum", value: least[component] as number } as const;
          return expectMinimum(
            aspect,
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

/** Bounds of zero only are none. What the host can roll back to is no newer than what it reports. */
function aspectOf(bound: (typeof FIELDS)[number]["bound"], least: readonly number[]): Aspect {
  if (least.some((svn) => svn > 0)) return "hardware.firmware";
  return bound === "reported" ? "hardware.unbounded" : "hardware.detail";
}

function componentsOf(product: Product): TcbComponent[] {
  return Object.keys(tcbLayout(product)) as TcbComponent[];
}

function accepted(policies: ProductPolicies): string {
  const names = Object.entries(policies).flatMap(([name, { kind }]) => (kind === "refuse" ? [] : [name]));
  return names.length === 0 ? "none, all are refused" : names.join(" or ");
}
