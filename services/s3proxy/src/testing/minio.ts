import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { componentPrograms } from "@constellation/testkit/kube-apiserver";
import { freePorts, Program } from "@constellation/testkit/program";
import { TestCa } from "@constellation/testkit/test-ca";
import { OWNER } from "./proxy.ts";

/** A real MinIO on this machine, with one folder as its disk. */
export interface Minio {
  readonly endpoint: URL;
  /** The authority of its certificate, PEM; undefined without TLS. */
  readonly ca: string | undefined;
  /** Where its bytes lie. */
  readonly directory: string;
  close(): Promise<void>;
}

/** Where a store runs. */
export interface Place {
  /** Program and arguments that its command line is handed to, as `ip netns exec`. */
  readonly enter: readonly string[];
  readonly address: string;
}

const HERE: Place = { enter: [], address: "127.0.0.1" };

const READY_TIMEOUT_MS = 240_000;

/**
 * Starts MinIO and waits until it serves.
 * @param options `parent`: folder for its data, the system's for temporary files by default
 * @throws when the program is not there: a test that needs it must not pass without it
 */
export async function startMinio(options: {
  readonly tls: boolean;
  readonly parent?: string;
  readonly place?: Place;
}): Promise<Minio> {
  const { enter, address } = options.place ?? HERE;
  const [minio = ""] = componentPrograms(["minio"]);
  const directory = await mkdtemp(join(options.parent ?? tmpdir(), "constellation-minio-"));
  const ca = options.tls ? await writeCertificates(directory, address) : undefined;
  const [port = 0, console = 0] = await freePorts(2);
  const program = new Program(
    "minio",
    "/usr/bin/env",
    [
      `MINIO_ROOT_USER=${OWNER.accessKeyId}`,
      `MINIO_ROOT_PASSWORD=${OWNER.secretAccessKey}`,
      "MINIO_UPDATE=off",
      ...enter,
      minio,
      "server",
      `--address=${address}:${port}`,
      `--console-address=${address}:${console}`,
      `--certs-dir=${join(directory, "certs")}`,
      join(directory, "data"),
    ],
    join(directory, "minio.log"),
  );
  const endpoint = new URL(`${options.tls ? "https" : "http"}://${address}:${port}`);
  const close = async (): Promise<void> => {
    await program.stop();
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await program.ready(async () => {
      if (!(await program.output()).includes("API:")) throw new Error("it does not serve yet");
    }, READY_TIMEOUT_MS);
  } catch (error) {
    await close();
    throw error;
  }
  return { endpoint, ca, directory, close };
}

async function writeCertificates(directory: string, address: string): Promise<string> {
  const ca = await TestCa.create("store");
  const { certificatePem, keyPem } = await ca.issue({ commonName: "minio", addresses: [address] });
  await mkdir(join(directory, "certs"));
  await writeFile(join(directory, "certs/public.crt"), certificatePem);
  await writeFile(join(directory, "certs/private.key"), keyPem, { mode: 0o600 });
  return ca.certificatePem;
}
