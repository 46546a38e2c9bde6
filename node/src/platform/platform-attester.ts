import { readFile } from "node:fs/promises";
import {
  clusterIdDigest,
  type ClusterRegister,
  clusterRegisterOf,
  freshRegister,
  machineClaims,
  memberRegister,
  type PlatformPolicy,
} from "@constellation/attestation";
import { equalConstantTime, fromHex, hex } from "@constellation/bytes";
import type { EvidenceSource } from "@constellation/evidence-source";
import { writeFileAtomic } from "../disk/files.ts";
import { NodeError } from "../errors.ts";
import { peerPolicy, type VendorRoots } from "../join/peer-policy.ts";
import type { AttesterOfNode } from "./attester.ts";

const REPORT_DATA_BYTES = 64;

/** What a node on real hardware works with. */
export interface PlatformAttesterOptions {
  readonly source: EvidenceSource;
  /** Adds endorsements that the machine does not have; evidence goes without where there are none to be had. */
  readonly endorse: (evidence: Uint8Array, signal: AbortSignal) => Promise<Uint8Array>;
  readonly roots: VendorRoots;
  /** In memory, gone after a reboot: the cluster's mark of a variant that has no register for it. */
  readonly markPath: string;
}

/** A node's evidence of real hardware, and its mark of the cluster it belongs to. */
export class PlatformAttester implements AttesterOfNode {
  readonly machineDigest: Uint8Array;
  readonly #options: PlatformAttesterOptions;
  readonly #register: ClusterRegister | undefined;

  private constructor(options: PlatformAttesterOptions, machineDigest: Uint8Array) {
    this.#options = options;
    this.#register = clusterRegisterOf(options.source.variant);
    this.machineDigest = machineDigest;
  }

  /** @throws EvidenceSourceError; NodeError `platform` where nothing tells this machine from others */
  static async open(options: PlatformAttesterOptions, signal: AbortSignal): Promise<PlatformAttester> {
    const { machine } = machineClaims(await options.source.own(signal));
    if (machine !== undefined) return new PlatformAttester(options, machine);
    const wanted = "a machine to which its host bound HOST_DATA (SEV-SNP) or MRCONFIGID (TDX) of its own";
    throw new NodeError(
      "platform",
      `Read own identity failed: got evidence of ${options.source.variant} that names none, wanted ${wanted}`,
    );
  }

  async issue(reportData: Uint8Array, signal: AbortSignal): Promise<Uint8Array> {
    if (reportData.length !== REPORT_DATA_BYTES) {
      const got = `got report data of "${reportData.length}" bytes, wanted "${REPORT_DATA_BYTES}"`;
      throw new NodeError("request", `Issue evidence failed: ${got}`);
    }
    return await this.#options.endorse(await this.#options.source.issue(reportData, signal), signal);
  }

  async isMarked(signal: AbortSignal): Promise<boolean> {
    if (this.#register === undefined) return (await this.#readMark()) !== undefined;
    return !equalConstantTime(await this.#readRegister(signal), freshRegister(this.#register));
  }

  async markWithClusterId(clusterId: Uint8Array, signal: AbortSignal): Promise<void> {
    if (this.#register === undefined) return await this.#writeMark(clusterId);
    const wanted = memberRegister(this.#register, clusterId);
    const before = await this.#readRegister(signal);
    if (equalConstantTime(before, wanted)) return;
    if (equalConstantTime(before, freshRegister(this.#register))) {
      await this.#options.source.extend(this.#register, clusterIdDigest(this.#register, clusterId), signal);
    }
    const after = await this.#readRegister(signal);
    if (!equalConstantTime(after, wanted)) throw mismatch(hex(after), hex(wanted));
  }

  async joinPolicy(signal: AbortSignal): Promise<PlatformPolicy> {
    return peerPolicy(await this.#options.source.own(signal), this.#options.roots);
  }

  async #readRegister(signal: AbortSignal): Promise<Uint8Array> {
    const { clusterRegister } = machineClaims(await this.#options.source.own(signal));
    if (clusterRegister !== undefined) return clusterRegister;
    throw new NodeError("platform", "Read cluster register failed: got evidence without it, wanted its value");
  }

  async #readMark(): Promise<string | undefined> {
    try {
      return (await readFile(this.#options.markPath, "utf8")).trim();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async #writeMark(clusterId: Uint8Array): Promise<void> {
    const before = await this.#readMark();
    const wanted = hex(clusterId);
    if (before === undefined) return await writeFileAtomic(this.#options.markPath, `${wanted}\n`, 0o600);
    if (before.length !== wanted.length || !equalConstantTime(fromHex(before), clusterId))
      throw mismatch(before, wanted);
  }
}

function mismatch(got: string, wanted: string): NodeError {
  return new NodeError("cluster_mismatch", `Extend cluster ID failed: got register "${got}", wanted "${wanted}"`);
}
