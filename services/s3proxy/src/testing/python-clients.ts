import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { pythonTools } from "@constellation/testkit/python-tools";
import { CLIENT, REGION } from "./proxy.ts";

const run = promisify(execFile);
/** What the program `aws` does: packages come without their scripts. */
const AWS = "from awscli.clidriver import main; sys.exit(main())";

/** Runs a program of Python with settings for a proxy, all from files. */
export class PythonClient {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #folder: string;

  private constructor(folder: string, environment: NodeJS.ProcessEnv) {
    this.#folder = folder;
    this.#environment = environment;
  }

  static async create(folder: string, endpoint: string, ca: string): Promise<PythonClient> {
    const [config, credentials, bundle] = ["config", "credentials", "ca.pem"].map((name) => join(folder, name));
    const configText = `[default]\nregion = ${REGION}\nendpoint_url = ${endpoint}\nca_bundle = ${bundle}\ns3 =\n  addressing_style = path\n  signature_version = s3v4\n`;
    const keys = `[default]\naws_access_key_id = ${CLIENT.accessKeyId}\naws_secret_access_key = ${CLIENT.secretAccessKey}\n`;
    await writeFile(config!, configText);
    await writeFile(credentials!, keys, { mode: 0o600 });
    await writeFile(bundle!, ca);
    const settings = {
      AWS_CONFIG_FILE: config,
      AWS_SHARED_CREDENTIALS_FILE: credentials,
      AWS_EC2_METADATA_DISABLED: "true",
    };
    return new PythonClient(folder, { PATH: process.env["PATH"], HOME: folder, ...settings });
  }

  /** `aws <args>`; gives what it wrote. */
  async aws(...args: string[]): Promise<string> {
    return await this.#run(AWS, args);
  }

  /** A script of boto3. */
  async script(text: string): Promise<string> {
    return await this.#run(text, []);
  }

  /** Only the packages of `scripts/python-tools` and Python's own are found. */
  async #run(code: string, args: readonly string[]): Promise<string> {
    const [tools, compiled] = [pythonTools(), join(this.#folder, "compiled")].map((path) => JSON.stringify(path));
    const start = `import sys; sys.path.insert(0, ${tools}); sys.pycache_prefix = ${compiled}\n${code}`;
    const options = { cwd: this.#folder, env: this.#environment, timeout: 300_000 };
    return (await run("python3", ["-I", "-c", start, ...args], options)).stdout;
  }
}
