import type { InitRequest, InitResponse } from "@constellation/rpc";
import { ANONYMOUS, type Attester } from "@constellation/atls";
import { InitResponseSchema, InitService, type RpcServer, serveAtls } from "@constellation/rpc";
import { create } from "@bufbuild/protobuf";
import { NodeError } from "../errors.ts";
import type { Log } from "../log/log.ts";
import type { InitEvent, InitRun } from "./run.ts";

/** What answers an Init call: starts one, joins the one under way, or refuses. @throws NodeError */
export type InitHandler = (request: InitRequest) => Promise<InitRun>;

const HANDSHAKE_TIMEOUT_MS = 60_000;
const MAX_PENDING = 8;

/** The handler can change while the door is open: the node's state decides. */
export interface InitDoor {
  handler: InitHandler;
}

/**
 * Opens the door for Init: attested TLS where the caller may be anonymous, since the operator's machine has no evidence
 * to give, and everything the caller can do with it is to bring a secret of its own. It stays open when the node is
 * initialised: an operator who knocks at the wrong node should hear why it refuses.
 */
export function serveInit(
  door: InitDoor,
  attester: Attester,
  listen: { host: string; port: number },
  log: Log,
): Promise<RpcServer> {
  return serveAtls<typeof ANONYMOUS>({
    ...listen,
    purpose: "init",
    attester,
    appraiser: ANONYMOUS,
    handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS,
    maxPending: MAX_PENDING,
    onRefused: (error, remote) => log.info("init connection refused", { remote, error: error.message }),
    onError: (error) => log.error("init failed", error),
    statuses: STATUSES,
    routes: (router) =>
      router.service(InitService, {
        async *init(request, context) {
          const run = await door.handler(request);
          for await (const event of run.events(context.signal)) yield toResponse(event);
        },
      }),
  });
}

const STATUSES = {
  request: "invalid-argument",
  refused: "permission-denied",
  already_initialised: "failed-precondition",
  busy: "unavailable",
} as const;

/** Refuses every Init, and overwrites its secrets: for states in which there is nothing to initialise. */
export const refuseInit: InitHandler = ({ masterSecret, keyManagement }) => {
  masterSecret.fill(0);
  for (const { data } of keyManagement?.credentials ?? []) data.fill(0);
  return Promise.reject(
    new NodeError("already_initialised", "Initialise node failed: got an initialised node, wanted a fresh one"),
  );
};

function toResponse(event: InitEvent): InitResponse {
  switch (event.kind) {
    case "progress":
      return create(InitResponseSchema, {
        event: { case: "progress", value: { step: event.step, text: event.text } },
      });
    case "log":
      return create(InitResponseSchema, { event: { case: "log", value: { data: event.data } } });
    case "success":
      return create(InitResponseSchema, {
        event: { case: "success", value: { kubeconfig: event.kubeconfig, clusterId: event.clusterId } },
      });
    case "failure":
      return create(InitResponseSchema, {
        event: { case: "failure", value: { code: event.code, message: event.message } },
      });
  }
}
