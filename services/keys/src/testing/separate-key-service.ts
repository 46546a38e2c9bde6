import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createKeyServiceClient, type KeyServiceClient } from "@constellation/key-client";
import { bundleService, startBundle } from "@constellation/testkit/bundle";
import type { KubeApiserver } from "@constellation/testkit/kube-apiserver";
import type { Program } from "@constellation/testkit/program";
import { parseAllDocuments } from "yaml";

/** The key service in a process of its own, bundled, with the rights that the image gives it at a real API server. */
export interface SeparateKeyService {
  readonly program: Program;
  /** Folder with the services' identity: `ca.crt`, `key-service.crt`, `key-service.key`. */
  readonly pkiDirectory: string;
  /** A client that proves itself by this token; of its caller, who closes it. */
  client(token: string): Promise<KeyServiceClient>;
  /** Lines of the audit so far. */
  audit(): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** The root that it derives keys from. */
export const ROOT: { readonly master: Uint8Array; readonly salt: Uint8Array } = {
  master: new Uint8Array(32).fill(1),
  salt: new Uint8Array(32).fill(2),
};

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));
const MANIFEST = fileURLToPath(new URL("../../../../image/manifests/constellation.yaml", import.meta.url));

/** Starts the key service before an API server. */
export async function startSeparateKeyService(api: KubeApiserver): Promise<SeparateKeyService> {
  const directory = await mkdtemp(join(tmpdir(), "key-service-"));
  try {
    await applyOwnRights(api);
    await writeFiles(api, directory);
    const program = await startProgram(api, directory);
    return await running(program, directory);
  } catch (error) {
    await rm(directory, { recursive: true });
    throw error;
  }
}

async function running(program: Program, directory: string): Promise<SeparateKeyService> {
  const port = /"listening-for-pods","address":"127.0.0.1","port":(\d+)/.exec(await program.output())?.[1];
  let clients = 0;
  return {
    program,
    pkiDirectory: join(directory, "pki"),
    async client(token) {
      const tokenFile = join(directory, `token-${clients++}`);
      await writeFile(tokenFile, token);
      return createKeyServiceClient({
        address: `127.0.0.1:${port}`,
        caFile: join(directory, "pki/ca.crt"),
        tokenFile,
      });
    },
    async audit() {
      const lines = (await program.output()).split("\n").filter((line) => line.includes('"key-request"'));
      return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    },
    async close() {
      await program.stop();
      await rm(directory, { recursive: true });
    },
  };
}

/** The service account and the rights of the measured manifest: these and no others, so that its use shows they suffice. */
async function applyOwnRights(api: KubeApiserver): Promise<void> {
  const objects = parseAllDocuments(await readFile(MANIFEST, "utf8")).map((document) => document.toJS() as KubeObject);
  const rbac = "/apis/rbac.authorization.k8s.io/v1";
  const paths: Readonly<Record<string, string>> = {
    ServiceAccount: "/api/v1/namespaces/kube-system/serviceaccounts",
    ClusterRole: `${rbac}/clusterroles`,
    ClusterRoleBinding: `${rbac}/clusterrolebindings`,
  };
  for (const object of objects) {
    const path = paths[object.kind];
    if (path !== undefined && object.metadata.name.endsWith("key-service")) await api.create(path, object);
  }
}

interface KubeObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
}

async function writeFiles(api: KubeApiserver, directory: string): Promise<void> {
  const request = { commonName: "key-service", uris: ["constellation://service/key-service"] };
  const { certificatePem, keyPem } = await api.pki.serviceCa.issue(request);
  const files: Record<string, string | Uint8Array> = {
    "pki/ca.crt": api.pki.serviceCa.certificatePem,
    "pki/key-service.crt": certificatePem,
    "pki/key-service.key": keyPem,
    "secret/mastersecret": ROOT.master,
    "secret/salt": ROOT.salt,
    "account/ca.crt": api.pki.clusterCa.certificatePem,
    "account/token": await api.requestToken("kube-system", "key-service"),
  };
  for (const name of ["pki", "secret", "account"]) await mkdir(join(directory, name));
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content, { mode: 0o600 });
}

async function startProgram(api: KubeApiserver, directory: string): Promise<Program> {
  const bundle = join(directory, "key-service.mjs");
  await bundleService(MAIN, bundle);
  const { program } = await startBundle("key-service", bundle, directory, {
    "pod-host": "127.0.0.1",
    "pod-port": "0",
    "api-server": `127.0.0.1:${api.port}`,
    "service-account": join(directory, "account"),
    pki: join(directory, "pki"),
    secret: join(directory, "secret"),
  });
  return program;
}
