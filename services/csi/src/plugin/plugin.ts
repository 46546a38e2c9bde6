import type { Client } from "@connectrpc/connect";
import { Controller, Identity, Node } from "@constellation/rpc/csi/v1";

/** A CSI plugin that the layer stands before: a vendor's by its socket, or the local driver in this process. */
export interface Plugin {
  readonly identity: Client<typeof Identity>;
  readonly node: Client<typeof Node>;
  readonly controller: Client<typeof Controller>;
  close(): Promise<void>;
}
