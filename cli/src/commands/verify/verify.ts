import { type Check, clusterRegisterOf, policyId, type Verdict } from "@constellation/attestation";
import { fromHex } from "@constellation/bytes";
import { attestationPolicy, CONFIG_FILE, PCR_COUNT, STATE_FILE } from "@constellation/config";
import { describeTrustVector } from "@constellation/verdict";
import { parseEndpoint } from "../../cluster/endpoint.ts";
import { PORTS } from "../../cluster/ports.ts";
import type { Context } from "../../context.ts";
import { earOfVerdict } from "../../ear.ts";
import { CliError } from "../../errors.ts";
import type { Endpoint } from "../../ports/cluster.ts";
import { retry } from "../../retry.ts";
import { printable } from "../../terminal/printable.ts";
import { formatTable } from "../../terminal/table.ts";
import { endorserOf } from "../../cluster/endorser.ts";

const NONCE_BYTES = 32;
const TIMEOUT_MS = 30_000;

/** Options of `verify`. */
export interface VerifyOptions {
  readonly clusterId?: string;
  readonly nodeEndpoint?: string;
}

/** Evidence and what was made of it. */
export interface Verification {
  readonly endpoint: Endpoint;
  readonly clusterId: string;
  readonly verifiedAt: Date;
  readonly verdict: Verdict;
  /** Names the policy that configuration and state stand for. */
  readonly policyId: string;
}

/**
 * Gets evidence that is bound to a fresh nonce, and appraises it against configuration and cluster ID.
 *
 * @throws CliError `unreachable` or `timeout` if no evidence is to be had; refused evidence is a verdict, not an error
 */
export async function verify(context: Context, options: VerifyOptions): Promise<Verification> {
  const { workspace, dependencies, io, clock } = context;
  const config = await workspace.readConfig();
  const state = await workspace.readState();
  const clusterId = options.clusterId ?? state.clusterValues.clusterID;
  if (clusterId === "") throw missing("cluster ID", "--cluster-id");
  const host = options.nodeEndpoint ?? state.infrastructure.clusterEndpoint;
  if (host === "") throw missing("endpoint", "--node-endpoint");
  const endpoint = parseEndpoint(host, PORTS.verify);
  io.err(`Measurements are those of ${workspace.show(CONFIG_FILE)}.\n`);
  io.err(`Endorsement authority and node records are those of ${workspace.show(STATE_FILE)}.\n`);
  const nonce = dependencies.random(NONCE_BYTES);
  const nodes = await dependencies.nodes();
  const evidence = await context.progress.step(`Get evidence from ${endpoint.host}:${endpoint.port}`, () =>
    retry(
      (signal) => nodes.evidence(endpoint, nonce, signal),
      {
        clock,
        waitingFor: `evidence from ${endpoint.host}:${endpoint.port}`,
        timeoutMs: TIMEOUT_MS,
        isTemporary: (error) => error instanceof CliError && error.code === "unreachable",
        hint: "see `constellation status` whether the machines run",
      },
      context.signal,
    ),
  );
  const policy = attestationPolicy(config, state, { members: [fromHex(clusterId)], admit: "all" });
  const verifiedAt = clock.now();
  const appraiser = await dependencies.appraiser();
  const endorsed = policy.variant === "qemu-vtpm" ? evidence : await endorserOf(context)(evidence, context.signal);
  const verdict = appraiser.appraise(endorsed, policy, { nonce, now: verifiedAt });
  return { endpoint, clusterId, verifiedAt, verdict, policyId: policyId(policy) };
}

/** The report: for people a table of registers with the other checks above it, or JSON. */
export function describeVerification(verification: Verification, json: boolean): string {
  return json ? describeJson(verification) : describeText(verification);
}

/** One register as it is reported. */
interface PcrReport {
  readonly index: number;
  readonly outcome: Check["outcome"];
  readonly expected: string;
  readonly actual: string;
  readonly reason?: string;
}

function pcrReports(verdict: Verdict): PcrReport[] {
  const checked = verdict.checks.map((check) => ({ check, index: pcrOf(check) }));
  const judged = checked.flatMap(({ index }) => (index === undefined ? [] : [index]));
  // Local machines have a TPM: of it all registers are shown, also where none was judged.
  const all = Array.from({ length: PCR_COUNT }, (_, index) => index);
  return (verdict.variant === "qemu-vtpm" ? all : judged).map((index) => {
    const check = checked.find((one) => one.index === index)?.check;
    const reason = check === undefined || check.outcome === "pass" ? undefined : check.reason;
    return {
      index,
      outcome: check?.outcome ?? "fail",
      expected: check?.wanted ?? "",
      actual: check?.got ?? verdict.claims.pcrs?.[String(index)] ?? "",
      ...(reason === undefined ? {} : { reason }),
    };
  });
}

/** The register that a check is about; on other variants its name starts with that of the evidence's part. */
function pcrOf({ name }: Check): number | undefined {
  const index = /^(?:\w+\.)?pcr\[(\d+)\]$/.exec(name)?.[1];
  return index === undefined ? undefined : Number(index);
}

function otherChecks(verdict: Verdict): Check[] {
  return verdict.checks.filter((check) => pcrOf(check) === undefined);
}

function describeText({ verdict, clusterId, endpoint }: Verification): string {
  const { claims, variant, accepted } = verdict;
  const failed = verdict.checks.filter((check) => check.outcome === "fail");
  const head = [
    ["Verdict", accepted ? "accepted" : `refused: ${failed.length} of ${verdict.checks.length} checks failed`],
    ["Variant", variant],
    ...verdict.trust.map((party) => ["Rests on the word of", party]),
    ["Node asked", `${endpoint.host}:${endpoint.port}`],
    ["Cluster ID", showsCluster(variant) ? clusterId : `${clusterId} (not verified: ${variant} can't show it)`],
    ...identityRows(variant, claims),
  ];
  const shown = describeTrustVector(verdict.trustVector).map((row) => row.map(printable));
  const checks = otherChecks(verdict).map((check) => [outcomeWord(check.outcome), check.name, explain(check)]);
  const pcrs = pcrReports(verdict).flatMap((pcr) => [
    [outcomeWord(pcr.outcome), `PCR ${pcr.index}`, "actual", printable(pcr.actual)],
    ["", "", "expected", printable(pcr.reason === undefined ? pcr.expected : `${pcr.expected} (${pcr.reason})`)],
  ]);
  const why = failed.map((check) => `  ${failureLine(check)}`);
  const sections = [
    formatTable(head),
    `Trustworthiness: ${verdict.status}\n${formatTable(shown, "  ")}`,
    `Checks:\n${formatTable(checks, "  ")}`,
    ...(pcrs.length === 0 ? [] : [`Registers:\n${formatTable(pcrs, "  ")}`]),
    ...(why.length === 0 ? [] : [`Refused because of:\n${why.join("\n")}`]),
  ];
  return `${sections.join("\n\n")}\n`;
}

/** Whether evidence of a variant says to which cluster its machine belongs; elsewhere any ID is accepted. */
function showsCluster(variant: Verdict["variant"]): boolean {
  return clusterRegisterOf(variant) !== undefined;
}

/** What the machine is known by. Chains of other variants than the local one are among their checks. */
function identityRows(variant: Verdict["variant"], { machine, ekDigest, chain }: Verdict["claims"]): string[][] {
  const shown = (digest: string | undefined): string => (digest === undefined ? "unknown" : `sha256:${digest}`);
  if (variant !== "qemu-vtpm") return [["Machine", shown(machine)]];
  return [
    ["Endorsement key", shown(ekDigest)],
    ["Certificate chain", (chain ?? ["none"]).map(printable).join(" <- ")],
  ];
}

function failureLine(check: Check): string {
  const pcr = pcrOf(check);
  const code = check.outcome === "fail" ? ` (${check.code})` : "";
  return `${pcr === undefined ? check.name : `PCR ${pcr}`}${code}: ${explain(check)}`;
}

function describeJson({ verdict, clusterId, endpoint, verifiedAt, policyId: id }: Verification): string {
  const report = {
    accepted: verdict.accepted,
    variant: verdict.variant,
    verifiedAt: verifiedAt.toISOString(),
    endpoint: `${endpoint.host}:${endpoint.port}`,
    clusterID: clusterId,
    clusterIDVerified: verdict.accepted && showsCluster(verdict.variant),
    ekDigest: verdict.claims.ekDigest ?? "",
    ...(verdict.variant !== "qemu-vtpm" && { machine: verdict.claims.machine ?? "" }),
    chain: verdict.claims.chain ?? [],
    pcrs: pcrReports(verdict),
    checks: otherChecks(verdict),
    ear: earOfVerdict(verdict.variant, { verdict, policyId: id, trust: verdict.trust }, verifiedAt),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

function outcomeWord(outcome: Check["outcome"]): string {
  return { pass: "ok", fail: "FAILED", "accepted-by-choice": "any" }[outcome];
}

function explain(check: Check): string {
  if (check.outcome === "pass") return "";
  const parts = [
    ...(check.got === undefined ? [] : [`got ${check.got}`]),
    ...(check.wanted === undefined ? [] : [`wanted ${check.wanted}`]),
    ...(check.reason === undefined ? [] : [check.reason]),
  ];
  return printable(parts.join(", "));
}

function missing(what: string, option: string): CliError {
  return new CliError("workspace", `Verify cluster failed: the state file has no ${what}`, {
    hint: `run \`constellation apply\` first, or give it with ${option}`,
  });
}
