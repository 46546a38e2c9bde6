import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "@constellation/keys";
import { freePorts, type Program } from "@constellation/testkit/program";
import { TestCa } from "@constellation/testkit/test-ca";
import type { KmipServer } from "../node/kmip-exchange.ts";
import { pythonProgram } from "./moto.ts";

const READY_TIMEOUT_MS = 300_000;
// The server's own helper process must not outlive it: prctl(PR_SET_PDEATHSIG, SIGKILL) in each child.
const SERVER = `
import ctypes, os
libc = ctypes.CDLL(None)
os.register_at_fork(after_in_child=lambda: libc.prctl(1, 9))
from kmip.services.server.server import KmipServer
directory, port = sys.argv[1], int(sys.argv[2])
server = KmipServer(hostname="127.0.0.1", port=port, certificate_path=directory + "/server.crt",
    key_path=directory + "/server.key", ca_path=directory + "/ca.crt", auth_suite="TLS1.2", config_path=None,
    log_path=directory + "/server.log", policy_path=directory + "/policies", enable_tls_client_auth=True,
    database_path=directory + "/pykmip.db")
with server:
    server.serve()
`;

/** PyKMIP's server with a CA of its own and three clients: one that it knows, another, and one of another CA. */
export class PyKmip {
  readonly #directory: string;
  readonly #port: number;
  #program: Program;

  private constructor(directory: string, port: number) {
    this.#directory = directory;
    this.#port = port;
    this.#program = this.#run();
  }

  /** @param addresses further addresses at which clients reach it, for its certificate */
  static async start(addresses: readonly string[] = []): Promise<PyKmip> {
    const directory = await mkdtemp(join(tmpdir(), "constellation-pykmip-"));
    await mkdir(join(directory, "policies"));
    await writeCertificates(directory, addresses);
    const [port = 0] = await freePorts(1);
    const server = new PyKmip(directory, port);
    try {
      await server.#ready();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Ends the server; its keys stay. */
  async halt(): Promise<void> {
    await this.#program.stop();
  }

  /** Starts it again after `halt`. */
  async resume(): Promise<void> {
    this.#program = this.#run();
    await this.#ready();
  }

  /** How a cluster reaches it by the key of a name, with the files that go with the URI. */
  async forCluster(
    keyName: string,
    { client = "client", host = "127.0.0.1" }: { client?: "client" | "other" | "stranger"; host?: string } = {},
  ): Promise<{ readonly uri: string; readonly credentials: ReadonlyMap<string, Secret> }> {
    const { caFile, certificateFile, keyFile } = this.as(client);
    const files = Object.entries({ "ca.crt": caFile, "client.crt": certificateFile, "client.key": keyFile });
    const read = files.map(async ([name, path]) => [name, new Secret(await readFile(path))] as const);
    const names = "caFile=/credentials/ca.crt&certificateFile=/credentials/client.crt&keyFile=/credentials/client.key";
    return {
      uri: `kms://kmip?address=${host}:${this.#port}&keyName=${keyName}&${names}`,
      credentials: new Map(await Promise.all(read)),
    };
  }

  /** How one of the clients reaches it. */
  as(client: "client" | "other" | "stranger"): KmipServer {
    const file = (name: string): string => join(this.#directory, name);
    const files = { caFile: file("ca.crt"), certificateFile: file(`${client}.crt`), keyFile: file(`${client}.key`) };
    return { host: "127.0.0.1", port: this.#port, ...files };
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }

  #run(): Program {
    const args = [this.#directory, String(this.#port)];
    return pythonProgram("PyKMIP", SERVER, args, join(this.#directory, "output.log"));
  }

  async #ready(): Promise<void> {
    await this.#program.ready(async () => {
      const socket = connect(this.#port, "127.0.0.1");
      await once(socket, "connect");
      socket.destroy();
    }, READY_TIMEOUT_MS);
  }
}

async function writeCertificates(directory: string, further: readonly string[]): Promise<void> {
  const [ca, otherCa] = await Promise.all([TestCa.create("KMIP"), TestCa.create("Other KMIP")]);
  const write = (name: string, pem: string): Promise<void> => writeFile(join(directory, name), pem, { mode: 0o600 });
  await write("ca.crt", ca.certificatePem);
  for (const [name, issuer] of [
    ["server", ca],
    ["client", ca],
    ["other", ca],
    ["stranger", otherCa],
  ] as const) {
    const usage = name === "server" ? "server" : "client";
    const request = { commonName: name, addresses: ["127.0.0.1", ...further], usages: [usage] } as const;
    const { certificatePem, keyPem } = await issuer.issue(request);
    await write(`${name}.crt`, certificatePem);
    await write(`${name}.key`, keyPem);
  }
}
