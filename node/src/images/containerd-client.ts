import * as net from "node:net";
import { type Client, Code, ConnectError, createClient, type Interceptor } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { Content } from "../gen/containerd/services/content/v1/content_pb.ts";
import { Images } from "../gen/containerd/services/images/v1/images_pb.ts";
import { Snapshots } from "../gen/containerd/services/snapshots/v1/snapshots_pb.ts";

/** The three services of containerd that registering an image needs, in one namespace. */
export interface ContainerdClient {
  content: Client<typeof Content>;
  images: Client<typeof Images>;
  snapshots: Client<typeof Snapshots>;
}

/** A client on containerd's socket. `namespace` is "k8s.io" for everything that kubelet uses. */
export function connectContainerd(socketPath: string, namespace: string): ContainerdClient {
  const inNamespace: Interceptor = (next) => (request) => {
    request.header.set("containerd-namespace", namespace);
    return next(request);
  };
  const transport = createGrpcTransport({
    baseUrl: "http://containerd",
    interceptors: [inNamespace],
    nodeOptions: { createConnection: () => net.connect(socketPath) },
    // No connection is kept open between the few registrations of a node's life.
    idleConnectionTimeoutMs: 1000,
  });
  return {
    content: createClient(Content, transport),
    images: createClient(Images, transport),
    snapshots: createClient(Snapshots, transport),
  };
}

/** Runs a call for which `code` is an answer ("not there", "there already") and gives `undefined` for it. */
export async function unlessCode<T>(code: Code, call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ConnectError && error.code === code) return undefined;
    throw error;
  }
}
