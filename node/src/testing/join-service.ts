import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { appraise, clusterIdPcr, requireAccepted } from "@constellation/attestation";
import { fromHex } from "@constellation/bytes";
import {
  type IssueJoinTicketRequest,
  IssueJoinTicketResponseSchema,
  type IssueRejoinTicketRequest,
  IssueRejoinTicketResponseSchema,
  JoinService,
  NodeRole,
  type RpcServer,
  serveAtls,
} from "@constellation/rpc";
import {
  createFakeTpmCa,
  type FakeEventLog,
  type FakeTpmCa,
  fakeEventLog,
  type FakeTpm as SoftwareTpm,
} from "@constellation/testkit/fake-tpm";
import { pemToDer } from "@constellation/x509";
import { NodeError } from "../errors.ts";
import { joinServicePolicy } from "../join/appraiser.ts";
import { createKeyPair, issueSelfSigned } from "../pki/certificate.ts";
import { FakeTpm, NOW } from "./fakes.ts";

/** The cluster of the fake join service. */
export const CLUSTER_ID = new Uint8Array(32).fill(0xc1);
/** The key that it gives out for any disk. */
export const DISK_KEY = new Uint8Array(32).fill(0xd1);

const LOG = fakeEventLog();

/** A node's TPM that makes real evidence. */
export class AttestingTpm extends FakeTpm {
  readonly #tpm: SoftwareTpm;
  readonly #log: FakeEventLog;
  override readonly machineDigest: Uint8Array;
  override readonly caCertificate: Uint8Array;

  constructor(tpm: SoftwareTpm, ca: FakeTpmCa, log: FakeEventLog = LOG) {
    super();
    this.#tpm = tpm;
    this.#log = log;
    this.machineDigest = fromHex(tpm.ekDigest);
    this.caCertificate = pemToDer(ca.certificatePem);
  }

  static async create(ca: FakeTpmCa, log?: FakeEventLog): Promise<AttestingTpm> {
    return new AttestingTpm(await ca.createTpm(), ca, log);
  }

  override issue(reportData?: Uint8Array): Promise<Uint8Array> {
    const pcrs = new Map([[15, fromHex(this.marker)]]);
    return Promise.resolve(
      this.#tpm.evidence({ reportData: reportData ?? new Uint8Array(64), pcrs, eventLog: this.#log }),
    );
  }

  override readPcrs(): Promise<Map<number, Uint8Array>> {
    const value = (index: number): Uint8Array =>
      index === 15 ? fromHex(this.marker) : (this.#log.pcrs.get(index) ?? new Uint8Array(32));
    return Promise.resolve(new Map(Array.from({ length: 16 }, (_, index) => [index, value(index)])));
  }
}

/** A join service that attests like one, and does as the test tells it. */
export class FakeJoinService {
  readonly requests: IssueJoinTicketRequest[] = [];
  readonly rejoins: IssueRejoinTicketRequest[] = [];
  /** The key to change to that a known node gets. */
  next: { readonly nextStateDiskKey?: Uint8Array<ArrayBuffer>; readonly nextGeneration?: number } = {};
  /** Changes to the ticket it gives. */
  ticket: MessageInitShape<typeof IssueJoinTicketResponseSchema> = {};
  /** What a question for a ticket waits for. */
  hold: Promise<void> | undefined;
  /** Refuses that many calls first. */
  refusals = 0;
  readonly #server: RpcServer;

  private constructor(server: RpcServer) {
    this.#server = server;
  }

  get port(): number {
    return this.#server.address.port;
  }

  static async start(ca: FakeTpmCa, tpm: AttestingTpm): Promise<FakeJoinService> {
    tpm.marker = clusterIdPcr(CLUSTER_ID);
    const holder: { service?: FakeJoinService } = {};
    const server = await serveAtls<unknown>({
      host: "127.0.0.1",
      port: 0,
      purpose: "join",
      attester: tpm,
      appraiser: {
        async appraise(evidence, reportData) {
          const policy = joinServicePolicy(pemToDer(ca.certificatePem), await tpm.readPcrs());
          const fresh = { ...policy.pcrs, "15": { kind: "equal", anyOf: ["00".repeat(32)] } as const };
          const verdict = appraise(evidence, { ...policy, pcrs: fresh }, { reportData, now: NOW });
          requireAccepted(verdict);
          return verdict.claims;
        },
      },
      handshakeTimeoutMs: 10_000,
      maxPending: 8,
      statuses: { refused: "permission-denied" },
      routes: (router) =>
        router.service(JoinService, {
          issueJoinTicket: async (request) => {
            const service = holder.service as FakeJoinService;
            service.requests.push(request);
            await service.hold;
            service.#refuse();
            return create(IssueJoinTicketResponseSchema, { ...defaultTicket(), ...service.ticket });
          },
          issueRejoinTicket: (request) => {
            const service = holder.service as FakeJoinService;
            service.rejoins.push(request);
            service.#refuse();
            return create(IssueRejoinTicketResponseSchema, {
              stateDiskKey: service.ticket.stateDiskKey ?? DISK_KEY.slice(),
              clusterId: service.ticket.clusterId ?? CLUSTER_ID,
              etcdSecretsKeys: service.ticket.etcdSecretsKeys ?? [],
              ...service.next,
            });
          },
        }),
    });
    const service = new FakeJoinService(server);
    holder.service = service;
    return service;
  }

  close(): Promise<void> {
    return this.#server.close();
  }

  #refuse(): void {
    if (this.refusals === 0) return;
    this.refusals -= 1;
    throw new NodeError("refused", "Issue ticket failed: by test");
  }
}

export { createFakeTpmCa };

function defaultTicket() {
  const { publicKey, privateKey } = createKeyPair();
  const validity = { notBefore: NOW, notAfter: new Date("2036-01-01T00:00:00Z") };
  const request = { subject: { commonName: "kubernetes" }, publicKey, usage: "ca", altNames: [], ...validity } as const;
  const pem = Buffer.from(issueSelfSigned(request, privateKey));
  return {
    nodeName: "worker-0",
    role: NodeRole.WORKER,
    stateDiskKey: DISK_KEY.slice(),
    clusterId: CLUSTER_ID,
    kubeletCertificate: new Uint8Array(pem),
    clusterCaCertificate: new Uint8Array(pem),
    apiServerEndpoints: ["10.42.0.10:6443"],
    serviceCidr: "10.96.0.0/12",
    timingProfile: "default",
  };
}
