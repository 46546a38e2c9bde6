import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheFolder } from "@constellation/testkit/tool";
import { CLIENT, REGION } from "./proxy.ts";

const run = promisify(execFile);
const REQUIREMENTS = fileURLToPath(new URL("python-requirements.txt", import.meta.url));
const INSTALL_TIMEOUT_MS = 540_000;

/** Folder of programs with the AWS command line and boto3, of the versions that are pinned; made once and kept. */
async function pythonClients(): Promise<string> {
  const key = createHash("sha256")
    .update(await readFile(REQUIREMENTS))
    .digest("hex")
    .slice(0, 16);
  const cache = join(cacheFolder(), "s3-clients");
  const folder = join(cache, key);
  if (!existsSync(folder)) {
    await mkdir(cache, { recursive: true });
    const fresh = await mkdtemp(join(cache, "new-"));
    try {
      await run("python3", ["-m", "venv", fresh]);
      const args = ["-m", "pip", "install", "--quiet", "--no-deps", "--requirement", REQUIREMENTS];
      await run(join(fresh, "bin/python3"), args, { timeout: INSTALL_TIMEOUT_MS });
      // The scripts name the folder they were made in, so they are run by their interpreter.
      await rename(fresh, folder);
    } catch (error) {
      await rm(fresh, { recursive: true, force: true });
      throw error;
    }
  }
  return join(folder, "bin");
}

/** Runs a program of Python with settings for a proxy, all from files. */
export class PythonClient {
  readonly #bin: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #folder: string;

  private constructor(bin: string, folder: string, environment: NodeJS.ProcessEnv) {
    this.#bin = bin;
    this.#folder = folder;
    this.#environment = environment;
  }

  static async create(folder: string, endpoint: string, ca: string): Promise<PythonClient> {
    const bin = await pythonClients();
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
    return new PythonClient(bin, folder, { PATH: process.env["PATH"], HOME: folder, ...settings });
  }

  /** `aws <args>`; gives what it wrote. */
  async aws(...args: string[]): Promise<string> {
    return await this.#run([join(this.#bin, "aws"), ...args]);
  }

  /** A script of boto3. */
  async script(text: string): Promise<string> {
    return await this.#run(["-c", text]);
  }

  async #run(args: readonly string[]): Promise<string> {
    const options = { cwd: this.#folder, env: this.#environment, timeout: 300_000 };
    return (await run(join(this.#bin, "python3"), args, options)).stdout;
  }
}
