import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ASPECTS, type Said } from "./aspect.ts";
import {
  about,
  ALL_ASPECTS,
  type Aspect,
  type Check,
  claimOf,
  TRUST_CLAIMS,
  TRUST_VALUES,
  tierOf,
  verdictOf,
} from "./index.ts";
import { describeTrustVector, trustVectorOf } from "./trust-vector.ts";

const OUTCOMES = ["pass", "fail", "accepted-by-choice"] as const;

function checkOf(aspect: Aspect, outcome: Check["outcome"], name: string = aspect): Check {
  const { fail, open, pass } = about(aspect);
  if (outcome === "pass") return pass(name);
  return outcome === "fail" ? fail(name, "code") : open(name, "a reason");
}

function valuesOf(checks: readonly Check[]): Record<string, number> {
  const vector = trustVectorOf(checks);
  return Object.fromEntries(TRUST_CLAIMS.map((claim) => [claim, vector[claim].value]));
}

const passed = (...aspects: Aspect[]): Check[] => aspects.map((aspect) => checkOf(aspect, "pass"));

/** What shows all that can be shown. */
const GOOD = passed(
  "hardware.genuine",
  "hardware.firmware",
  "configuration.setting",
  "executables.boot",
  "instance-identity.machine",
  "runtime-opaque.memory",
);

describe("ASPECTS", () => {
  for (const aspect of ALL_ASPECTS) {
    const meaning: { readonly [O in Check["outcome"]]?: Said } = ASPECTS[aspect];
    const tiersOf = (outcome: Check["outcome"]) => Object.values(meaning[outcome] ?? {}).map(tierOf);

    test(`${aspect} is of a claim of the standard, and says only values that the standard has`, () => {
      assert.ok(TRUST_CLAIMS.includes(claimOf(aspect)));
      for (const outcome of OUTCOMES) {
        for (const [claim, value] of Object.entries(meaning[outcome] ?? {})) {
          assert.ok(String(value) in TRUST_VALUES[claim as keyof typeof TRUST_VALUES], `${claim} ${value}`);
        }
      }
    });

    test(`${aspect} affirms nothing but its own claim, and that by a pass only`, () => {
      const { pass = {} } = meaning;
      for (const [claim, value] of Object.entries(pass)) {
        assert.ok(claim === claimOf(aspect) || tierOf(value) !== "affirming", claim);
      }
      assert.ok(!tiersOf("accepted-by-choice").includes("affirming"));
      assert.ok(!tiersOf("fail").includes("affirming"));
    });

    test(`${aspect} says something worse of its claim where it fails`, () => {
      const tier = tierOf(meaning.fail?.[claimOf(aspect)] ?? 0);
      assert.ok(tier === "warning" || tier === "contraindicated", tier);
    });
  }
});

describe("trustVectorOf()", () => {
  test("claims nothing where nothing was checked", () => {
    assert.deepEqual(new Set(Object.values(valuesOf([]))), new Set([0]));
  });

  test("affirms what was shown, and nothing that no evidence speaks of", () => {
    assert.deepEqual(valuesOf(GOOD), {
      "instance-identity": 2,
      configuration: 2,
      executables: 3,
      "file-system": 0,
      hardware: 2,
      "runtime-opaque": 2,
      "storage-opaque": 0,
      "sourced-data": 0,
    });
  });

  for (const aspect of ALL_ASPECTS) {
    test(`is never better for ${aspect} left open or failed`, () => {
      for (const outcome of ["accepted-by-choice", "fail"] as const) {
        const vector = trustVectorOf([...GOOD, checkOf(aspect, outcome)]);
        const good = trustVectorOf(GOOD);
        for (const claim of TRUST_CLAIMS) {
          const [before, after] = [tierOf(good[claim].value), tierOf(vector[claim].value)];
          assert.ok(after === before || after !== "affirming", `${claim}: ${before} became ${after}`);
        }
      }
    });
  }

  test("says that unknown code may run where a measurement is left open", () => {
    for (const aspect of ["executables.boot", "executables.firmware"] as const) {
      const open = checkOf(aspect, "accepted-by-choice", "report.measurement");
      const { executables } = trustVectorOf([...GOOD, open]);
      assert.deepEqual(executables, { value: 33, because: ["report.measurement"] });
    }
  });

  test("affirms no executables by a measurement of firmware, or of nothing, alone", () => {
    assert.equal(valuesOf(passed("hardware.genuine", "executables.firmware")).executables, 0);
  });

  test("claims no closed memory where the operator's word is in it, or the host was let in", () => {
    for (const aspect of ["runtime-opaque.operator", "runtime-opaque.debug"] as const) {
      assert.equal(valuesOf([...GOOD, ...passed(aspect)])["runtime-opaque"], 32);
      assert.equal(valuesOf([...GOOD, checkOf(aspect, "accepted-by-choice")])["runtime-opaque"], 32);
    }
  });

  test("claims nothing by evidence that anyone could have made", () => {
    const values = valuesOf([...GOOD, checkOf("hardware.authority", "accepted-by-choice")]);
    assert.deepEqual(new Set(Object.values(values)), new Set([0]));
  });

  test("says of all claims that evidence is not authentic", () => {
    for (const aspect of ["hardware.evidence", "instance-identity.binding"] as const) {
      const values = valuesOf([...GOOD, checkOf(aspect, "fail")]);
      for (const claim of TRUST_CLAIMS) assert.ok(values[claim] === 99 || values[claim] === 0, claim);
      assert.deepEqual([values.hardware, values.executables, values["runtime-opaque"]], [99, 99, 99]);
    }
  });
});

describe("verdictOf()", () => {
  test("is affirming with genuine hardware and known software", () => {
    const { accepted, status } = verdictOf(GOOD, {});
    assert.deepEqual([accepted, status], [true, "affirming"]);
  });

  test("says nothing of the whole where either is not shown", () => {
    for (const claim of ["hardware", "executables"]) {
      const checks = GOOD.filter(({ speaksFor }) => claimOf(speaksFor) !== claim);
      assert.deepEqual(verdictOf(checks, {}).status, "none", claim);
    }
  });

  test("is refused and contraindicated where any check failed, whatever it speaks for", () => {
    for (const aspect of ALL_ASPECTS) {
      const { accepted, status } = verdictOf([...GOOD, checkOf(aspect, "fail")], {});
      assert.deepEqual([accepted, status], [false, "contraindicated"], aspect);
    }
  });

  test("is refused and contraindicated without checks", () => {
    const { accepted, status } = verdictOf([], {});
    assert.deepEqual([accepted, status], [false, "contraindicated"]);
  });

  test("is no better than its worst claim", () => {
    assert.equal(verdictOf([...GOOD, ...passed("hardware.vulnerable")], {}).status, "warning");
    assert.equal(verdictOf([...GOOD, checkOf("configuration.setting", "accepted-by-choice")], {}).status, "warning");
  });
});

test("describeTrustVector() says each claim in words, and which checks are behind what is not affirmed", () => {
  const open = [1, 2, 3, 4, 5].map((index) => checkOf("executables.boot", "accepted-by-choice", `pcr[${index}]`));
  const rows = describeTrustVector(trustVectorOf([...passed("hardware.genuine"), ...open]));
  assert.deepEqual(rows.slice(2, 5), [
    ["executables", "warning", "not all that was loaded is known: pcr[1], pcr[2], pcr[3], pcr[4] and 1 more"],
    ["file-system", "none", "nothing was checked"],
    ["hardware", "affirming", "genuine, with firmware that is recent enough"],
  ]);
});
