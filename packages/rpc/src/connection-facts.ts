import { createContextKey, type HandlerContext } from "@connectrpc/connect";
import { RpcError } from "./errors.ts";

/** What a server knows about the connection that a call came over. */
export type ConnectionFacts =
  | { readonly kind: "atls"; readonly peer: unknown; readonly remoteAddress: string | undefined }
  | { readonly kind: "mtls"; readonly caller: string }
  | { readonly kind: "tls"; readonly remoteAddress: string | undefined }
  | { readonly kind: "unix" }
  | { readonly kind: "tcp" };

/** Where the facts stand in a handler's context. */
export const connectionFactsKey = createContextKey<ConnectionFacts | undefined>(undefined, {
  description: "connection facts",
});

/**
 * The peer of an attested connection, as the server's appraiser returned it (`ANONYMOUS` for anonymous clients).
 * `P` must be the type of that appraiser.
 * @throws RpcError "internal" when the call came over another kind of connection
 */
export function peerOf<P>(context: HandlerContext): P {
  const facts = context.values.get(connectionFactsKey);
  if (facts?.kind === "atls") return facts.peer as P;
  throw wrongKind("peer", facts, "atls");
}

/**
 * The IP address that a connection over attested or plain TLS came from, as the operating system saw it when it was accepted.
 * @throws RpcError "internal" when the call came over another kind of connection, or the address is not known
 */
export function remoteAddressOf(context: HandlerContext): string {
  const facts = context.values.get(connectionFactsKey);
  if ((facts?.kind === "atls" || facts?.kind === "tls") && facts.remoteAddress !== undefined)
    return facts.remoteAddress;
  throw wrongKind("remote address", facts, "atls or tls");
}

/**
 * The name of the service that called over mutual TLS, from its certificate.
 * @throws RpcError "internal" when the call came over another kind of connection
 */
export function callerOf(context: HandlerContext): string {
  const facts = context.values.get(connectionFactsKey);
  if (facts?.kind === "mtls") return facts.caller;
  throw wrongKind("caller", facts, "mtls");
}

function wrongKind(what: string, facts: ConnectionFacts | undefined, wanted: string): RpcError {
  const got = facts?.kind ?? "unknown";
  return new RpcError("internal", `Read ${what} of connection failed: got kind "${got}", wanted "${wanted}"`);
}
