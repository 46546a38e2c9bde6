import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AwsCredentials } from "../aws/credentials.ts";
import { textSecret } from "../http/text-secret.ts";
import { freePorts, Program } from "@constellation/testkit/program";
import { pythonTools } from "@constellation/testkit/python-tools";

const READY_TIMEOUT_MS = 300_000;

/** A program of Python's packages in `scripts/python-tools`; only these and Python's own are found. */
export function pythonProgram(name: string, code: string, args: readonly string[], log: string): Program {
  const start = `import sys; sys.path.insert(0, ${JSON.stringify(pythonTools())}); sys.dont_write_bytecode = True\n${code}`;
  return new Program(name, "python3", ["-I", "-c", start, ...args], log);
}

/** moto's server: AWS KMS and S3 in one program's memory. */
export class Moto {
  readonly endpoint: string;
  readonly #program: Program;
  readonly #directory: string;

  private constructor(endpoint: string, program: Program, directory: string) {
    this.endpoint = endpoint;
    this.#program = program;
    this.#directory = directory;
  }

  static async start(): Promise<Moto> {
    const directory = await mkdtemp(join(tmpdir(), "constellation-moto-"));
    const [port = 0] = await freePorts(1);
    const code = "from moto.server import main; main(sys.argv[1:])";
    const program = pythonProgram("moto", code, ["-H", "127.0.0.1", "-p", String(port)], join(directory, "moto.log"));
    const moto = new Moto(`http://127.0.0.1:${port}`, program, directory);
    try {
      await program.ready(async () => void (await fetch(`${moto.endpoint}/moto-api/data.json`)), READY_TIMEOUT_MS);
    } catch (error) {
      await moto.stop();
      throw error;
    }
    return moto;
  }

  /** A user who may do these actions with everything. Only before access is checked. */
  async createUser(actions: readonly string[]): Promise<AwsCredentials> {
    const UserName = `user-${actions.join("-").replaceAll(/[^a-z0-9-]/g, "")}`;
    const policy = { Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: actions, Resource: "*" }] };
    await this.#iam({ Action: "CreateUser", UserName });
    const PolicyDocument = JSON.stringify(policy);
    await this.#iam({ Action: "PutUserPolicy", UserName, PolicyName: "test", PolicyDocument });
    const xml = await this.#iam({ Action: "CreateAccessKey", UserName });
    const [, accessKeyId = ""] = /<AccessKeyId>(.*?)</.exec(xml) ?? [];
    const [, secret = ""] = /<SecretAccessKey>(.*?)</.exec(xml) ?? [];
    return { accessKeyId, secretAccessKey: textSecret(secret) };
  }

  async #iam(parameters: Record<string, string>): Promise<string> {
    // moto tells services apart by the scope of the signature, and does not check it yet.
    const authorization =
      "AWS4-HMAC-SHA256 Credential=x/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=x";
    const body = new URLSearchParams({ Version: "2010-05-08", ...parameters });
    const response = await fetch(`${this.endpoint}/`, { method: "POST", headers: { authorization }, body });
    const text = await response.text();
    if (!response.ok) throw new Error(`Call IAM of moto failed: ${text}`);
    return text;
  }

  /** After this many more requests, moto checks who asks and what they may. */
  async checkAccessAfter(requests: number): Promise<void> {
    await fetch(`${this.endpoint}/moto-api/reset-auth`, { method: "POST", body: String(requests) });
  }

  async stop(): Promise<void> {
    await this.#program.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}
