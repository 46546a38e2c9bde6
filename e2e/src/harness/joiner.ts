import { type Appraiser, type Attester, connectAtls } from "@constellation/atls";
import {
  createAtlsClient,
  fromConnectError,
  type IssueJoinTicketResponse,
  type IssueRejoinTicketResponse,
  JoinService,
  type NodeRole,
  type RpcClient,
} from "@constellation/rpc";

const TIMEOUT_MS = 60_000;

/** Accepts any server: a dishonest node does not care whom it joins. */
const ANY_SERVER: Appraiser<true> = { appraise: () => Promise.resolve(true) };

/** A dishonest node on an attested connection to the join service. */
export class Joiner {
  readonly #rpc: RpcClient<typeof JoinService>;

  private constructor(rpc: RpcClient<typeof JoinService>) {
    this.#rpc = rpc;
  }

  /** Connects with evidence of this attester. @throws AtlsError `peer-refused` with the service's code */
  static async connect(endpoint: { host: string; port: number }, attester: Attester): Promise<Joiner> {
    const { socket } = await connectAtls(
      { ...endpoint, purpose: "join", attester, appraiser: ANY_SERVER, timeoutMs: TIMEOUT_MS },
      AbortSignal.timeout(2 * TIMEOUT_MS),
    );
    return new Joiner(createAtlsClient(JoinService, { socket, timeoutMs: TIMEOUT_MS }));
  }

  /** Asks to join. @throws RpcError */
  join(request: { role: NodeRole; diskUuid: string }): Promise<IssueJoinTicketResponse> {
    const rest = { certificateRequest: new Uint8Array(), nodeAddresses: [] };
    return coded(this.#rpc.client.issueJoinTicket({ ...request, ...rest }));
  }

  /** Asks for a disk key. @throws RpcError */
  rejoin(diskUuid: string): Promise<IssueRejoinTicketResponse> {
    return coded(this.#rpc.client.issueRejoinTicket({ diskUuid }));
  }

  /** Lets go of the connection. */
  close(): Promise<void> {
    return this.#rpc.close();
  }
}

async function coded<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw fromConnectError(error);
  }
}
