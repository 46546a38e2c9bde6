import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts, Program } from "@constellation/testkit/program";
import type { Blob, ContainerImage } from "./container-image.ts";
import { HarnessError } from "./error.ts";
import { componentProgram } from "./programs.ts";

const START_TIMEOUT_MS = 60_000;

/** A container registry on this computer's loopback, with its images in a folder that goes with it. */
export class Registry {
  readonly port: number;
  readonly #program: Program;
  readonly #folder: string;

  private constructor(port: number, program: Program, folder: string) {
    this.port = port;
    this.#program = program;
    this.#folder = folder;
  }

  /** Starts a registry, on a free port unless told otherwise; it answers when this returns. */
  static async start(wantedPort?: number): Promise<Registry> {
    const program = await componentProgram("registry", "registry");
    const folder = await mkdtemp(join(tmpdir(), "constellation-e2e-registry-"));
    try {
      const port = wantedPort ?? (await freePorts(1))[0] ?? 0;
      const configFile = join(folder, "config.json");
      await writeFile(configFile, JSON.stringify(configuration(folder, port)));
      // The one flag that it has no field for: without it, it looks for a collector of traces.
      const args = ["OTEL_TRACES_EXPORTER=none", program, "serve", configFile];
      const running = new Program("registry", "/usr/bin/env", args, join(folder, "registry.log"));
      await running.ready(async () => {
        const { status } = await fetch(`http://127.0.0.1:${port}/v2/`);
        if (status !== 200) throw new HarnessError("registry", `Start registry failed: got ${status}, wanted 200`);
      }, START_TIMEOUT_MS);
      return new Registry(port, running, folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Puts an image into the registry, blobs first. @throws HarnessError `registry` */
  async push(repository: string, tag: string, image: ContainerImage): Promise<void> {
    for (const blob of image.blobs) await this.#pushBlob(repository, blob);
    const { mediaType, bytes } = image.manifest;
    await this.#send("PUT", `/v2/${repository}/manifests/${tag}`, 201, bytes, mediaType);
  }

  /** The manifest under a tag, as a node gets it. @throws HarnessError `registry` */
  async manifest(repository: string, tag: string): Promise<Uint8Array> {
    const response = await fetch(this.#url(`/v2/${repository}/manifests/${tag}`), {
      headers: { accept: "application/vnd.oci.image.manifest.v1+json" },
    });
    if (response.status !== 200) throw await failure("GET manifest", response, 200);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** What the registry has logged. */
  log(): Promise<string> {
    return this.#program.output();
  }

  /** Ends the registry and removes its images. */
  async stop(): Promise<void> {
    await this.#program.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** OCI distribution specification 1.1, "Pushing a blob monolithically". */
  async #pushBlob(repository: string, { digest, bytes }: Blob): Promise<void> {
    const begun = await this.#send("POST", `/v2/${repository}/blobs/uploads/`, 202);
    const location = new URL(begun.headers.get("location") ?? "", this.#url("/"));
    location.searchParams.set("digest", digest);
    await this.#send("PUT", `${location.pathname}${location.search}`, 201, bytes, "application/octet-stream");
  }

  async #send(
    method: string,
    path: string,
    wanted: number,
    body?: Uint8Array,
    contentType?: string,
  ): Promise<Response> {
    const response = await fetch(this.#url(path), {
      method,
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
      ...(contentType === undefined ? {} : { headers: { "content-type": contentType } }),
    });
    if (response.status !== wanted) throw await failure(`${method} ${path}`, response, wanted);
    await response.body?.cancel();
    return response;
  }

  #url(path: string): string {
    return `http://127.0.0.1:${this.port}${path}`;
  }
}

/** The registry reads YAML, of which JSON is a part. */
function configuration(folder: string, port: number): object {
  return {
    version: 0.1,
    log: { level: "info", accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: join(folder, "data") } },
    http: { addr: `127.0.0.1:${port}`, secret: randomBytes(16).toString("hex") },
  };
}

async function failure(what: string, response: Response, wanted: number): Promise<HarnessError> {
  const text = (await response.text()).slice(0, 500);
  return new HarnessError(
    "registry",
    `Ask registry to ${what} failed: got ${response.status}, wanted ${wanted}: ${text}`,
  );
}
