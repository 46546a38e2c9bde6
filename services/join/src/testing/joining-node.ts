import "reflect-metadata";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { type Appraiser, type Attester, connectAtls } from "@constellation/atls";
import { appraise, requireAccepted } from "@constellation/attestation";
import {
  createAtlsClient,
  fromConnectError,
  type IssueJoinTicketRequest,
  type IssueJoinTicketResponse,
  type IssueRejoinTicketResponse,
  JoinService,
  NodeRole,
  type RpcClient,
} from "@constellation/rpc";
import type { FakeEvidenceOptions, FakeTpm } from "@constellation/testkit/fake-tpm";
import * as x509 from "@peculiar/x509";
import { type Machine, type TestCluster, testPolicy } from "./test-cluster.ts";

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const TIMEOUT_MS = 60_000;

/** What a joining node of the tests does otherwise than a good one. */
export interface JoinerOptions {
  readonly evidence?: Omit<FakeEvidenceOptions, "reportData">;
  readonly attester?: Attester;
  readonly port?: number;
}

/** A connection of a joining node to the join service. */
export class Joiner {
  readonly #rpc: RpcClient<typeof JoinService>;
  readonly #machine: Machine;

  private constructor(rpc: RpcClient<typeof JoinService>, machine: Machine) {
    this.#rpc = rpc;
    this.#machine = machine;
  }

  /** Attests both ways. @throws AtlsError */
  static async connect(cluster: TestCluster, machine: Machine, options: JoinerOptions = {}): Promise<Joiner> {
    const connection = await connectAtls(
      {
        host: "127.0.0.1",
        port: options.port ?? cluster.port,
        purpose: "join",
        attester: options.attester ?? attesterOf(machine.tpm, options.evidence),
        appraiser: serverAppraiser(cluster),
        timeoutMs: TIMEOUT_MS,
      },
      AbortSignal.timeout(TIMEOUT_MS),
    );
    return new Joiner(createAtlsClient(JoinService, { socket: connection.socket, timeoutMs: TIMEOUT_MS }), machine);
  }

  /** Asks to join as what is on record, but for the changes. @throws RpcError */
  async join(change: Partial<IssueJoinTicketRequest> = {}): Promise<Joined> {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { role, diskUuid } = this.#machine.record;
    const request = {
      role: role === "worker" ? NodeRole.WORKER : NodeRole.CONTROL_PLANE,
      diskUuid,
      nodeAddresses: ["127.0.0.1"],
      certificateRequest: await certificateRequest(publicKey, privateKey),
      ...change,
    };
    const ticket = await coded(this.#rpc.client.issueJoinTicket(request));
    return { ticket, keyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
  }

  /** Asks for its disk key again. @throws RpcError */
  rejoin(diskUuid: string = this.#machine.record.diskUuid, generation = 0): Promise<IssueRejoinTicketResponse> {
    return coded(this.#rpc.client.issueRejoinTicket({ diskUuid, generation }));
  }

  close(): Promise<void> {
    return this.#rpc.close();
  }
}

/** A ticket, and the key that the node made for its certificate. */
export interface Joined {
  readonly ticket: IssueJoinTicketResponse;
  readonly keyPem: string;
}

/** Evidence of a fake TPM, made when it is asked for. */
export function attesterOf(tpm: FakeTpm, options: JoinerOptions["evidence"] = {}): Attester {
  return { issue: (reportData) => Promise.resolve(tpm.evidence({ ...options, reportData })) };
}

function serverAppraiser(cluster: TestCluster): Appraiser<undefined> {
  return {
    async appraise(evidence, reportData) {
      requireAccepted(appraise(evidence, testPolicy(cluster.tpmCa), { reportData, now: new Date() }));
      return undefined;
    },
  };
}

async function certificateRequest(publicKey: KeyObject, privateKey: KeyObject): Promise<Uint8Array> {
  const keys = {
    publicKey: publicKey.toCryptoKey(P256, true, ["verify"]),
    privateKey: privateKey.toCryptoKey(P256, true, ["sign"]),
  };
  // The name asked for is another's: it must not matter.
  const name = "CN=kubernetes-admin,O=system:masters";
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: P256 });
  return new Uint8Array(request.rawData);
}

async function coded<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw fromConnectError(error);
  }
}
