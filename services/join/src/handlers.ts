import type { ServiceImpl } from "@connectrpc/connect";
import type { Log } from "@constellation/pod";
import { type JoinService, peerOf, remoteAddressOf } from "@constellation/rpc";
import type { Attempts } from "./attempts.ts";
import { audited } from "./audit.ts";
import { fromJoinRequest, toJoinResponse, toRejoinResponse } from "./messages.ts";
import type { AttestedNode } from "./peer.ts";
import { makeJoinTicket, makeRejoinTicket, type TicketParts } from "./tickets.ts";

/** What the handlers work with. */
export interface HandlerParts extends TicketParts {
  readonly attempts: Attempts;
  readonly log: Log;
  /** A clock that only goes forward, in milliseconds. */
  readonly monotonicMs: () => number;
}

/** The service's methods: within bounds, audited, by the attested peer of the connection. */
export function joinHandlers(parts: HandlerParts): ServiceImpl<typeof JoinService> {
  const { attempts, log, monotonicMs } = parts;
  return {
    issueJoinTicket(message, context) {
      const node = peerOf<AttestedNode>(context);
      const remote = remoteAddressOf(context);
      const request = fromJoinRequest(message);
      const { role, diskUuid } = request;
      return audited(log, "join", { ...who(node, remote), role, diskUuid }, () =>
        attempts.run(node.ekDigest, monotonicMs(), async () =>
          toJoinResponse(await makeJoinTicket(request, node, remote, parts, context.signal)),
        ),
      );
    },

    issueRejoinTicket({ diskUuid, generation }, context) {
      const node = peerOf<AttestedNode>(context);
      return audited(log, "rejoin", { ...who(node, remoteAddressOf(context)), diskUuid, generation }, () =>
        attempts.run(node.ekDigest, monotonicMs(), async () =>
          toRejoinResponse(await makeRejoinTicket({ diskUuid, generation }, node, parts, context.signal)),
        ),
      );
    },
  };
}

function who({ nodeName, ekDigest }: AttestedNode, remote: string): { node: string; ekDigest: string; remote: string } {
  return { node: nodeName, ekDigest, remote };
}
