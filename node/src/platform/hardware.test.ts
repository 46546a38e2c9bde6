import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import {
  appraise,
  AttestationError,
  type Claims,
  memberRegister,
  PLATFORM_VARIANTS,
  type PlatformVariant,
  requireAccepted,
} from "@constellation/attestation";
import { ANONYMOUS, AtlsError, type Appraiser, type Attester, connectAtls } from "@constellation/atls";
import { hex } from "@constellation/bytes";
import { attestationPolicy, emptyState, type State, withState } from "@constellation/config";
import { configFor } from "@constellation/config/testing";
import { createFakeVendors, FAKE_NOW, type FakeVendors } from "@constellation/fake-authorities";
import { serveAtls } from "@constellation/rpc";
import { policyAppraiser } from "../join/appraiser.ts";
import { VENDOR_ROOTS } from "../join/peer-policy.ts";
import {
  CONFIG_NAMES,
  createFakeHardware,
  type FakeHardware,
  type HardwareRequest,
  vendorRootsOf,
} from "../testing/fake-hardware.ts";
import { PlatformAttester } from "./platform-attester.ts";

const CLUSTER_ID = new Uint8Array(32).fill(0xc1);
const signal = new AbortController().signal;

let vendors: FakeVendors;
let directory: string;

before(async () => {
  vendors = await createFakeVendors();
  directory = mkdtempSync(join(tmpdir(), "constellation-hardware-"));
});
after(() => rmSync(directory, { recursive: true }));

interface Node {
  readonly hardware: FakeHardware;
  readonly attester: PlatformAttester;
}

let machines = 0;

async function node(variant: PlatformVariant, request?: HardwareRequest): Promise<Node> {
  const hardware = await createFakeHardware(variant, vendors, request);
  const { source, endorse } = hardware;
  const markPath = join(directory, `mark-${machines++}`);
  try {
    const options = { source, endorse, roots: vendorRootsOf(vendors), markPath };
    return { hardware, attester: await PlatformAttester.open(options, signal) };
  } catch (error) {
    await hardware.close();
    throw error;
  }
}

/** A state with these machines on record. */
function stateOf(...nodes: readonly Node[]): State {
  const records = nodes.map(({ attester }, index) => ({
    name: `control-plane-${index}`,
    role: "control-plane" as const,
    nodeGroup: "control_plane_default",
    ekDigest: hex(attester.machineDigest),
    diskUUID: `aaaaaaaa-0000-8000-8000-00000000000${index}`,
    address: "",
  }));
  return withState(emptyState(), { infrastructure: { nodes: records } });
}

/** Appraises as the operator's side and the join service do: by the configuration's policy. */
function verifier(
  variant: PlatformVariant,
  section: FakeHardware["section"],
  state: State,
  members: Parameters<typeof attestationPolicy>[2]["members"] = ["fresh"],
): Appraiser<Claims> {
  const config = configFor(CONFIG_NAMES[variant], section);
  const policy = attestationPolicy(config, state, { members, admit: "control-planes" });
  return {
    async appraise(evidence, reportData) {
      const verdict = appraise(evidence, policy, { reportData, now: FAKE_NOW });
      requireAccepted(verdict);
      return verdict.claims;
    },
  };
}

/** A whole handshake between a node that attests and an anonymous client that verifies. */
async function handshake(attester: Attester, appraiser: Appraiser<Claims>): Promise<Claims> {
  const server = await serveAtls<typeof ANONYMOUS>({
    host: "127.0.0.1",
    port: 0,
    purpose: "init",
    attester,
    appraiser: ANONYMOUS,
    handshakeTimeoutMs: 60_000,
    maxPending: 4,
    routes: () => undefined,
  });
  try {
    const target = { host: "127.0.0.1", port: server.address.port, purpose: "init", timeoutMs: 60_000 };
    const { socket, peer } = await connectAtls({ ...target, attester: ANONYMOUS, appraiser }, signal);
    socket.destroy();
    return peer;
  } finally {
    await server.close();
  }
}

/** The code of the first check that refused the evidence. */
async function refusal(attester: Attester, appraiser: Appraiser<Claims>): Promise<string> {
  try {
    await handshake(attester, appraiser);
  } catch (error) {
    assert.ok(error instanceof AtlsError && error.code === "evidence-refused", String(error));
    assert.ok(error.cause instanceof AttestationError, String(error.cause));
    return error.cause.code;
  }
  return "accepted";
}

/** What refuses evidence of each variant. */
const CODES: Readonly<
  Record<
    PlatformVariant,
    {
      readonly image: string;
      readonly binding: string;
      readonly member: string;
      readonly debug: string | undefined;
    }
  >
> = {
  "sev-snp": { image: "measurement", binding: "report_data", member: "accepted", debug: "policy_debug" },
  tdx: { image: "mrtd", binding: "report_data", member: "rtmr3", debug: "td_debug" },
  "aws-sev-snp": { image: "pcr", binding: "report_data", member: "pcr", debug: "policy_debug" },
  "aws-nitro-tpm": { image: "pcr", binding: "nonce", member: "pcr", debug: "debug" },
  "azure-sev-snp": {
    image: "pcr_mismatch",
    binding: "quote_qualifying_data",
    member: "pcr_mismatch",
    debug: "policy_debug",
  },
  "azure-tdx": { image: "pcr_mismatch", binding: "quote_qualifying_data", member: "pcr_mismatch", debug: "td_debug" },
  "azure-trusted-launch": {
    image: "pcr_mismatch",
    binding: "quote_qualifying_data",
    member: "pcr_mismatch",
    debug: undefined,
  },
  "gcp-sev-snp": { image: "pcr_mismatch", binding: "report_data", member: "pcr_mismatch", debug: "policy_debug" },
  "gcp-tdx": { image: "pcr_mismatch", binding: "report_data", member: "pcr_mismatch", debug: "td_debug" },
  "gcp-sev-es": { image: "pcr_mismatch", binding: "quote_qualifying_data", member: "pcr_mismatch", debug: undefined },
};

for (const variant of PLATFORM_VARIANTS) {
  describe(`attested TLS with a node of ${variant}`, () => {
    const { image, binding, member, debug } = CODES[variant];
    const open: FakeHardware[] = [];
    const made = async (request?: HardwareRequest): Promise<Node> => {
      const one = await node(variant, request);
      open.push(one.hardware);
      return one;
    };
    let first: Node;
    before(async () => {
      first = await made();
    });
    after(() => Promise.all(open.map((hardware) => hardware.close())));
    const accepting = (state = stateOf(first)): Appraiser<Claims> => verifier(variant, first.hardware.section, state);

    test("passes under the configuration's policy, and tells which machine it is", async () => {
      const claims = await handshake(first.attester, accepting());
      assert.equal(claims.machine, hex(first.attester.machineDigest));
    });

    test("is refused where the machine booted another image", async () => {
      const other = await made({ image: "another image" });
      assert.equal(await refusal(other.attester, accepting(stateOf(first, other))), image);
    });

    test("is refused with evidence that was issued for another channel", async () => {
      const replayed = await first.attester.issue(new Uint8Array(64).fill(9), signal);
      assert.equal(await refusal({ issue: () => Promise.resolve(replayed) }, accepting()), binding);
    });

    test("is refused where the host can look in", {
      skip: debug === undefined && "tells of no debugging",
    }, async () => {
      const debugged = await made({ debug: true });
      assert.equal(await refusal(debugged.attester, accepting(stateOf(first, debugged))), debug);
    });

    test("is refused with evidence of another platform, whatever the node says it is", async () => {
      const others = variant === "gcp-sev-es" ? "aws-nitro-tpm" : "gcp-sev-es";
      const other = await node(others);
      open.push(other.hardware);
      assert.equal(await refusal(other.attester, accepting(stateOf(first, other))), "variant_mismatch");
    });

    test("is refused where the machine is not on record", async () => {
      assert.equal(await refusal((await made()).attester, accepting()), "machine_not_allowed");
    });

    test("tells a fresh machine from a member, and its cluster from others", async () => {
      const machine = await made();
      const state = stateOf(machine);
      const joined = (clusterId: Uint8Array) => verifier(variant, machine.hardware.section, state, [clusterId]);
      assert.equal(await machine.attester.isMarked(signal), false);
      await machine.attester.markWithClusterId(CLUSTER_ID, signal);
      await machine.attester.markWithClusterId(CLUSTER_ID, signal);
      assert.equal(await machine.attester.isMarked(signal), true);
      assert.equal(await refusal(machine.attester, accepting(state)), member);
      assert.equal(await refusal(machine.attester, joined(CLUSTER_ID)), "accepted");
      const other = new Uint8Array(32).fill(0xc2);
      assert.equal(await refusal(machine.attester, joined(other)), member);
      await assert.rejects(machine.attester.markWithClusterId(other, signal), { code: "cluster_mismatch" });
    });

    test("joinPolicy() accepts a member that runs the same, and refuses others", async () => {
      const machine = await made();
      const appraiser = policyAppraiser(
        () => first.attester.joinPolicy(signal),
        () => FAKE_NOW,
      );
      assert.equal(await refusal(machine.attester, appraiser), variant === "sev-snp" ? "accepted" : "pcr_zero");
      await machine.attester.markWithClusterId(CLUSTER_ID, signal);
      assert.equal(await refusal(machine.attester, appraiser), "accepted");
      const changed = await made({ image: "another image" });
      await changed.attester.markWithClusterId(CLUSTER_ID, signal);
      assert.equal(await refusal(changed.attester, appraiser), image);
      if (debug === undefined) return;
      const debugged = await made({ debug: true });
      await debugged.attester.markWithClusterId(CLUSTER_ID, signal);
      assert.equal(await refusal(debugged.attester, appraiser), debug);
    });
  });
}

describe("PlatformAttester", () => {
  test("refuses to run on a machine that nothing tells from others", async () => {
    for (const variant of ["sev-snp", "tdx"] as const) {
      const unbound = node(variant, { launchIdentity: new Uint8Array(32) });
      await assert.rejects(unbound, { code: "platform", message: /HOST_DATA \(SEV-SNP\) or MRCONFIGID \(TDX\)/ });
    }
  });

  test("believes no quote of its host that says otherwise than the TD's kernel", async (t) => {
    const member = memberRegister({ kind: "rtmr", hash: "sha384" }, CLUSTER_ID);
    const forged: NonNullable<HardwareRequest["forged"]> = {};
    const { attester, hardware } = await node("tdx", { forged });
    t.after(hardware.close);
    const asked = [
      () => attester.isMarked(signal),
      () => attester.markWithClusterId(CLUSTER_ID, signal),
      () => attester.joinPolicy(signal),
      () => PlatformAttester.open({ ...hardware, roots: vendorRootsOf(vendors), markPath: "none" }, signal),
    ];
    // Whose TD seems to be a member already is never marked, and can pass for a fresh one later.
    for (const lie of [
      { RTMR3: member },
      { MRTD: member },
      { RTMR0: member },
      { RTMR1: member },
      { RTMR2: member },
      { MRCONFIGID: member },
    ]) {
      Object.assign(forged, lie);
      for (const ask of asked) await assert.rejects(ask(), { code: "registers_differ" }, Object.keys(lie)[0]);
      for (const name of Object.keys(lie)) Reflect.deleteProperty(forged, name);
    }
    assert.equal(await attester.isMarked(signal), false);
  });

  test("refuses report data of another length", async () => {
    const { attester, hardware } = await node("sev-snp");
    await assert.rejects(attester.issue(new Uint8Array(63), signal), { code: "request" });
    await hardware.close();
  });

  test("keeps the mark of SEV-SNP in a file, which is no mark before", async () => {
    const hardware = await createFakeHardware("sev-snp", vendors);
    const markPath = join(directory, "own-mark");
    const options = { ...hardware, roots: vendorRootsOf(vendors), markPath };
    const attester = await PlatformAttester.open(options, signal);
    assert.equal(existsSync(markPath), false);
    await attester.markWithClusterId(CLUSTER_ID, signal);
    const again = await PlatformAttester.open(options, signal);
    assert.equal(await again.isMarked(signal), true);
    await hardware.close();
  });
});

describe("Azure's paravisor on TDX", () => {
  test("is refused where it is another, by the configuration's policy and by a joining node", async (t) => {
    const first = await node("azure-tdx");
    const other = await node("azure-tdx", { paravisor: "one that lies" });
    for (const { hardware } of [first, other]) t.after(hardware.close);
    const operator = verifier("azure-tdx", first.hardware.section, stateOf(first, other));
    assert.equal(await refusal(first.attester, operator), "accepted");
    assert.equal(await refusal(other.attester, operator), "mrtd");
    await other.attester.markWithClusterId(CLUSTER_ID, signal);
    const joining = policyAppraiser(
      () => first.attester.joinPolicy(signal),
      () => FAKE_NOW,
    );
    assert.equal(await refusal(other.attester, joining), "mrtd");
  });
});

describe("peerPolicy()", () => {
  test("accepts no TD quote that Intel's quoting enclave does not vouch for, or without collateral to tell by", async (t) => {
    for (const variant of ["tdx", "gcp-tdx"] as const) {
      const first = await node(variant);
      const peer = await node(variant);
      const other = await node(variant, { quotingEnclave: new Uint8Array(32).fill(0xbd) });
      for (const { hardware, attester } of [first, peer, other]) {
        t.after(hardware.close);
        await attester.markWithClusterId(CLUSTER_ID, signal);
      }
      const joining = policyAppraiser(
        () => first.attester.joinPolicy(signal),
        () => FAKE_NOW,
      );
      assert.equal(await refusal(peer.attester, joining), "accepted");
      assert.equal(await refusal(other.attester, joining), "qe_mrsigner");
      const bare = { ...peer.hardware, endorse: async (evidence: Uint8Array) => evidence };
      const options = { ...bare, roots: vendorRootsOf(vendors), markPath: join(directory, "bare") };
      const unendorsed = await PlatformAttester.open(options, signal);
      assert.equal(await refusal(unendorsed, joining), "collateral_missing");
    }
  });

  test("knows the roots of each vendor but Microsoft's, and makes no policy without one", async () => {
    const hardware = await createFakeHardware("azure-trusted-launch", vendors);
    const options = { ...hardware, roots: VENDOR_ROOTS, markPath: join(directory, "none") };
    const attester = await PlatformAttester.open(options, signal);
    await assert.rejects(attester.joinPolicy(signal), { code: "platform", message: /no root of the vendor/ });
    await hardware.close();
  });
});
