import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { FlagError, parseEndpoint, parseFlags, parseSeconds } from "./flags.ts";
import { serveHealth } from "./health.ts";
import { createLog, describeError } from "./log.ts";
import { mountedSecretNames, readMountedSecret } from "./mounted-secret.ts";

const DEFAULTS = { host: "127.0.0.1", "health-port": 9444 } as const;

test("parseFlags() gives defaults and what is set", () => {
  assert.deepEqual(parseFlags([], DEFAULTS), DEFAULTS);
  assert.deepEqual(parseFlags(["--health-port", "1", "--host=::1"], DEFAULTS), { host: "::1", "health-port": 1 });
});

for (const args of [["--x", "1"], ["x"], ["--health-port", "65536"], ["--health-port", "0x1"], ["--host"]]) {
  test(`parseFlags() refuses ${args.join(" ")}`, () => {
    assert.throws(() => parseFlags(args, DEFAULTS), FlagError);
  });
}

test("parseEndpoint() splits host and port", () => {
  assert.deepEqual(parseEndpoint("api-server", "127.0.0.1:6443"), { host: "127.0.0.1", port: 6443 });
  for (const text of ["", "x", ":1", "x:", "x:y"]) assert.throws(() => parseEndpoint("api-server", text), FlagError);
});

test("parseSeconds() takes whole seconds within bounds", () => {
  assert.equal(parseSeconds("keep", "600"), 600);
  for (const text of ["", "0", "-1", "1.5", "1e3", "86401"]) assert.throws(() => parseSeconds("keep", text), FlagError);
});

test("serveHealth() says why a pod is not ready where it is told how", async (context) => {
  const requireReady = (): Promise<void> => Promise.reject(new Error("kms_unreachable"));
  const reasonOf = (error: unknown): string => (error as Error).message;
  const server = await serveHealth({ host: "127.0.0.1", port: 0, requireReady, reasonOf });
  context.after(() => server.close());
  const { port } = server.address() as { port: number };
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`);
  assert.deepEqual([answer.status, await answer.text()], [503, "kms_unreachable"]);
});

test("createLog() writes one JSON line per record, bounded and escaped", () => {
  const lines: string[] = [];
  const log = createLog({ write: (line) => lines.push(line), now: () => new Date(0) });
  log.record("refused", { got: 'a"\n{"event":"granted"}', wanted: undefined, long: "x".repeat(5_000) });
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? "", /^[^\n]+\n$/);
  const { long, ...rest } = JSON.parse(lines[0] ?? "");
  assert.deepEqual(rest, { time: "1970-01-01T00:00:00.000Z", event: "refused", got: 'a"\n{"event":"granted"}' });
  assert.equal(long.length, 1_003);
});

test("describeError() joins an error with its causes", () => {
  assert.equal(describeError(new Error("a", { cause: new Error("b", { cause: "c" }) })), 'a: b: "c"');
});

test("serveHealth() answers probes by status only", async (context) => {
  let ready = false;
  const requireReady = async (): Promise<void> => {
    if (!ready) throw new Error("secret reason");
  };
  const server = await serveHealth({ host: "127.0.0.1", port: 0, requireReady });
  context.after(() => server.close());
  const { port } = server.address() as { port: number };
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return `${response.status} ${await response.text()}`;
  };
  assert.equal(await get("/livez"), "200 ");
  assert.equal(await get("/readyz"), "503 ");
  assert.equal(await get("/other"), "404 ");
  ready = true;
  assert.equal(await get("/readyz"), "200 ");
});

test("readMountedSecret() reads what is wanted behind the link that the kubelet turns", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "mounted-secret-"));
  context.after(() => rm(directory, { recursive: true }));
  const signal = AbortSignal.timeout(10_000);
  assert.deepEqual([...(await readMountedSecret(join(directory, "none"), () => true, signal))], []);
  await mkdir(join(directory, "..v1"));
  await writeFile(join(directory, "..v1", "a"), "1");
  await writeFile(join(directory, "..v1", "b"), "2");
  await symlink("..v1", join(directory, "..data"));
  const files = await readMountedSecret(directory, (name) => name === "a", signal);
  assert.deepEqual(
    [...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]),
    [["a", "1"]],
  );
  assert.deepEqual((await mountedSecretNames(directory)).toSorted(), ["a", "b"]);
});

test("readMountedSecret() takes a folder that can't be read for none that is empty", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "mounted-secret-"));
  context.after(() => rm(directory, { recursive: true }));
  const file = join(directory, "file");
  await writeFile(file, "1");
  await assert.rejects(
    readMountedSecret(file, () => true, AbortSignal.timeout(10_000)),
    { code: "ENOTDIR" },
  );
  await assert.rejects(mountedSecretNames(file), { code: "ENOTDIR" });
});

test("serveHealth() shows metrics where there are any", async (context) => {
  const metrics = { text: () => "requests_total 1\n" };
  const server = await serveHealth({ host: "127.0.0.1", port: 0, requireReady: async () => {}, metrics });
  context.after(() => server.close());
  const { port } = server.address() as { port: number };
  const response = await fetch(`http://127.0.0.1:${port}/metrics`);
  assert.equal(await response.text(), "requests_total 1\n");
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
});
