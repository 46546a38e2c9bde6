import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { componentPrograms, hasComponent } from "@constellation/testkit/kube-apiserver";
import { pythonTools } from "@constellation/testkit/python-tools";
import { revealText, textSecret } from "./http/text-secret.ts";
import { nodeKmsDependencies } from "./node/dependencies.ts";
import { Moto } from "./testing/moto.ts";
import { patientTools } from "./testing/test-tools.ts";
import { VaultServer } from "./testing/vault-server.ts";
import { openKms } from "./uri/open-kms.ts";
import { openStore } from "./uri/open-store.ts";

const PAGE = join(import.meta.dirname, "../../../docs/kms.md");
const REGION = "eu-central-1";
const TIMEOUT_MS = 300_000;
/** The machine may be busy. */
const PATIENT = { attemptMs: TIMEOUT_MS, totalMs: 2 * TIMEOUT_MS };
const CONTEXT = new TextEncoder().encode("context");
const { signal } = new AbortController();

/** A part of docs/kms.md, and the commands in it. */
async function partOf(title: string): Promise<{ readonly text: string; readonly commands: string }> {
  const page = await readFile(PAGE, "utf8");
  const [, ...parts] = page.split(/^### /m);
  const text = parts.find((part) => part.startsWith(`${title}\n`))?.split(/^## /m)[0] ?? "";
  const blocks = Array.from(text.matchAll(/^```sh\n([\s\S]*?)^```$/gm), ([, block = ""]) => block);
  assert.equal(blocks.length, 1, `commands under "${title}"`);
  return { text, commands: blocks.join("") };
}

/** Runs commands as a shell does that ends at the first one that fails; gives what they wrote. */
async function run(commands: string, folder: string, path: string, settings: NodeJS.ProcessEnv): Promise<string> {
  const env = { PATH: [path, process.env["PATH"]].join(delimiter), HOME: folder, ...settings };
  return (await promisify(execFile)("sh", ["-euc", commands], { cwd: folder, env, timeout: TIMEOUT_MS })).stdout;
}

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "constellation-setting-up-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The program `aws`: packages of Python come without their scripts. */
async function writeAws(folder: string): Promise<void> {
  const start = "import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv.pop(1))";
  const code = `${start}; from awscli.clidriver import main; sys.exit(main())`;
  const script = `#!/bin/sh\nexec python3 -I -c '${code}' '${pythonTools()}' "$@"\n`;
  await writeFile(join(folder, "aws"), script, { mode: 0o700 });
}

/** Wraps and unwraps with the KMS of a URI, which must be well in all that it says of itself. */
async function requireWorks(uri: string): Promise<void> {
  const kms = await openKms(uri, nodeKmsDependencies(PATIENT), signal);
  const { errors, ...status } = await kms.status(signal);
  assert.deepEqual([errors, status.mayWrap, status.mayUnwrap, status.key.state], [[], true, true, "enabled"]);
  const wrapped = await kms.wrap(textSecret("a key"), CONTEXT, signal);
  assert.equal(revealText(await kms.unwrap(wrapped, CONTEXT, signal)), "a key");
}

test("docs/kms.md sets up AWS KMS and S3 by its commands and with no more rights than it names", async (t) => {
  const folder = await temporaryFolder(t);
  const { text, commands } = await partOf("AWS KMS and S3");
  await writeAws(folder);
  const moto = await Moto.start();
  t.after(() => moto.stop());
  const printed = await run(commands, folder, folder, {
    AWS_ENDPOINT_URL: moto.endpoint,
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: "administrator",
    AWS_SECRET_ACCESS_KEY: "administrator",
    AWS_EC2_METADATA_DISABLED: "true",
  });
  const [, keyName = ""] = /"KeyId": "([\w-]+)"/.exec(printed) ?? [];

  const rights = Array.from(text.matchAll(/`((?:kms|s3):[A-Z][A-Za-z]+)`/g), ([, right = ""]) => right);
  assert.equal(rights.length, 6);
  const { accessKeyId, secretAccessKey } = await moto.createUser(rights);
  const file = join(folder, "credentials");
  const secret = revealText(secretAccessKey);
  const profile = `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secret}\n`;
  await writeFile(file, profile, { mode: 0o600 });
  await moto.checkAccessAfter(0);
  const fields = `region=${REGION}&endpoint=${moto.endpoint}&credentialsFile=${file}`;
  await requireWorks(`kms://aws?${fields}&keyName=${keyName}`);
  const store = openStore(`storage://aws?${fields}&bucket=example-keys`, { tools: patientTools() });
  const bytes = randomBytes(100);
  assert.equal(await store?.putIfAbsent("a/b", bytes, signal), true);
  assert.deepEqual(await store?.get("a/b", signal), new Uint8Array(bytes));
});

const skip = hasComponent("vault") ? false : "it is built by 'make vault'";

test("docs/kms.md sets up Vault by its commands and with no more rights than its policy gives", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const { commands } = await partOf("Vault and OpenBao");
  const server = await VaultServer.start();
  t.after(() => server.stop());
  // Its development mode keeps the CA beside the token.
  const ca = join(dirname(server.rootTokenFile), "vault-ca.pem");
  await run(commands, folder, dirname(componentPrograms(["vault"])[0] ?? ""), {
    VAULT_ADDR: server.address,
    VAULT_CACERT: ca,
    VAULT_TOKEN: await readFile(server.rootTokenFile, "utf8"),
  });

  const { auth } = await server.call("POST", "auth/token/create", { policies: ["constellation"] });
  const file = await server.file("token", (auth as { client_token: string }).client_token);
  const credentials = `caFile=${ca}&auth=token&tokenFile=${file}`;
  await requireWorks(`kms://vault?address=${server.address}&keyName=kek&${credentials}`);
});
