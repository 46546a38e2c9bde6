import assert from "node:assert/strict";
import { test } from "node:test";
import { openQuotePolicy } from "@constellation/tdx";
import { FAKE_ISSUED, FAKE_NOW, FakeIntel } from "@constellation/tdx/testing";
import { judgeTdx, type TdxPolicy } from "./index.ts";

const ANY = { kind: "any", reason: "test" } as const;
const intel = await FakeIntel.create();
const parts = { quote: intel.quote(), collateral: intel.collateral(), ccel: undefined };
const later = new Date(FAKE_ISSUED.getTime() + 1000);

/** Outcomes of the checks of the CRLs' age by their names. */
function agesOf(collateral: TdxPolicy["collateral"], roots = [intel.root.certificate]): object {
  const policy = { roots, collateral, ccel: ANY, quote: openQuotePolicy(ANY) };
  const own = judgeTdx(parts, policy, FAKE_NOW).checks.filter(({ name }) => name.endsWith(".thisUpdate"));
  return Object.fromEntries(own.map((done) => [done.name, done.outcome === "fail" ? done.code : done.outcome]));
}

function required(rootCaCrl: Date, pckCrl: Date): TdxPolicy["collateral"] {
  const since = (value: Date) => ({ kind: "minimum", value }) as const;
  return { kind: "required", thisUpdate: { rootCaCrl: since(rootCaCrl), pckCrl: since(pckCrl) } };
}

test("judgeTdx() asks for CRLs that are recent enough, where collateral is required", () => {
  const [root, pck] = ["rootCaCrl.thisUpdate", "pckCrl.thisUpdate"];
  assert.deepEqual(agesOf(required(FAKE_ISSUED, FAKE_ISSUED)), { [root]: "pass", [pck]: "pass" });
  assert.deepEqual(agesOf(required(later, FAKE_ISSUED)), { [root]: "root_ca_crl_this_update", [pck]: "pass" });
  assert.deepEqual(agesOf(required(FAKE_ISSUED, later)), { [root]: "pass", [pck]: "pck_crl_this_update" });
});

test("judgeTdx() looks at no CRL that is not genuine, and at none by choice", () => {
  assert.deepEqual(agesOf(required(FAKE_ISSUED, FAKE_ISSUED), []), {});
  assert.deepEqual(agesOf(ANY), {});
});

test("judgeTdx() claims all that is known of the TCB, with times as texts", () => {
  const policy = { roots: [intel.root.certificate], collateral: ANY, ccel: ANY, quote: openQuotePolicy(ANY) };
  const old = intel.quote({ body: { TEE_TCB_SVN: Uint8Array.from({ length: 16 }, (_, i) => [6, 1, 2][i] ?? 0) } });
  const collateral = required(FAKE_ISSUED, FAKE_ISSUED);
  for (const quote of [parts.quote, old]) {
    const { claims, tcb } = judgeTdx({ ...parts, quote }, { ...policy, collateral }, FAKE_NOW);
    assert.ok(tcb?.tdxModule);
    assert.equal(tcb.platform.lagging.length > 0, quote === old);
    assert.equal(JSON.stringify(claims["tcb"]), JSON.stringify(tcb));
  }
  assert.equal(judgeTdx(parts, policy, FAKE_NOW).claims["tcb"], undefined);
});
