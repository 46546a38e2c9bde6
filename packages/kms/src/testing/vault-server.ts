import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { componentPrograms } from "@constellation/testkit/kube-apiserver";
import { freePorts, Program } from "@constellation/testkit/program";
import type { Fetch } from "../http/fetch.ts";
import { createFetch } from "../node/https-fetch.ts";

const READY_TIMEOUT_MS = 300_000;
const ROOT_TOKEN = "root-of-a-test";

/** A real Vault in its development mode: everything in memory, unsealed, with TLS. */
export class VaultServer {
  readonly address: string;
  /** Trusts the server's certificate, and no other. */
  readonly fetch: Fetch;
  /** Holds the token that may do everything. */
  readonly rootTokenFile: string;
  readonly #directory: string;
  readonly #program: Program;

  private constructor(address: string, fetch: Fetch, directory: string, program: Program) {
    this.address = address;
    this.fetch = fetch;
    this.rootTokenFile = join(directory, "root");
    this.#directory = directory;
    this.#program = program;
  }

  /** @throws when the program is not there: a test that needs it must not pass without it */
  static async start(): Promise<VaultServer> {
    const [vault = ""] = componentPrograms(["vault"]);
    const directory = await mkdtemp(join(tmpdir(), "constellation-vault-"));
    const [port = 0] = await freePorts(1);
    const args = ["server", "-dev", "-dev-tls", `-dev-tls-cert-dir=${directory}`, "-dev-no-store-token"];
    const own = [`-dev-listen-address=127.0.0.1:${port}`, `-dev-root-token-id=${ROOT_TOKEN}`];
    const program = new Program("vault", vault, [...args, ...own], join(directory, "vault.log"));
    try {
      const ca = await program.ready(async () => {
        const pem = await readFile(join(directory, "vault-ca.pem"), "utf8");
        await createFetch(pem)(`https://127.0.0.1:${port}/v1/sys/health`, requestOf("GET"));
        return pem;
      }, READY_TIMEOUT_MS);
      const server = new VaultServer(`https://127.0.0.1:${port}`, createFetch(ca), directory, program);
      await writeFile(server.rootTokenFile, ROOT_TOKEN, { mode: 0o600 });
      return server;
    } catch (error) {
      await program.stop();
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /** Calls its API as who may do everything, and gives the answer's body. @throws with Vault's words when it refuses */
  async call(method: "GET" | "POST" | "DELETE", path: string, body?: object): Promise<Record<string, unknown>> {
    const response = await this.fetch(`${this.address}/v1/${path}`, requestOf(method, body));
    const text = await response.text();
    if (!response.ok) throw new Error(`Call "${path}" of Vault failed: got "${response.status}": ${text}`);
    return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
  }

  /** A file of this content that ends with the server. */
  async file(name: string, content: string): Promise<string> {
    const path = join(this.#directory, name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function requestOf(method: "GET" | "POST" | "DELETE", body?: object): Parameters<Fetch>[1] {
  const headers = { "x-vault-token": ROOT_TOKEN, "content-type": "application/json" };
  const signal = AbortSignal.timeout(READY_TIMEOUT_MS);
  const request = { method, headers, redirect: "manual", signal } as const;
  return body === undefined ? request : { ...request, body: JSON.stringify(body) };
}
