/** Where a connection came from, as far as the operating system knows. */
export interface RemoteAddress {
  readonly address: string;
  readonly port: number;
}

/** The other end of a socket; a connection that is gone already does not say. */
export function remoteAddressOf(socket: {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}): RemoteAddress {
  return { address: socket.remoteAddress ?? "unknown", port: socket.remotePort ?? 0 };
}
