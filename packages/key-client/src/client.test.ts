import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";
import { type GetDataKeyRequest, KeyService, RpcError, type RpcServer, serveTls, serviceUri } from "@constellation/rpc";
import { TestCa } from "@constellation/testkit/test-ca";
import { createKeyServiceClient, type KeyServiceClient } from "./client.ts";
import { KeyClientError, type KeyClientErrorCode } from "./errors.ts";

const CA = await TestCa.create("services");
const KEY_ID = "volume/a";

type Answer = (request: GetDataKeyRequest) => { dataKey: Uint8Array; generation: number };
const GOOD: Answer = ({ lengthBytes, generation }) => ({
  dataKey: new Uint8Array(lengthBytes).fill(7),
  generation: generation === 0 ? 2 : generation,
});

class Setting {
  readonly headers: (string | null)[] = [];
  answer: Answer = GOOD;
  server!: RpcServer;
  client!: KeyServiceClient;
  folder!: string;

  static async create(t: TestContext): Promise<Setting> {
    const setting = new Setting();
    setting.folder = await mkdtemp(join(tmpdir(), "key-client-"));
    await setting.listen();
    await setting.write("ca.crt", CA.certificatePem);
    await setting.write("token", "abc\n");
    setting.client = createKeyServiceClient({
      address: `127.0.0.1:${setting.server.address.port}`,
      caFile: join(setting.folder, "ca.crt"),
      tokenFile: join(setting.folder, "token"),
    });
    t.after(async () => {
      await setting.client.close();
      await setting.server.close();
      await rm(setting.folder, { recursive: true });
    });
    return setting;
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(join(this.folder, name), text);
  }

  async listen(port = 0, ca = CA, name = "key-service"): Promise<void> {
    const issued = await ca.issue({ commonName: "key-service", uris: [serviceUri(name)] });
    this.server = await serveTls({
      host: "127.0.0.1",
      port,
      certificate: issued.certificatePem,
      key: issued.keyPem,
      maxConnectionsPerAddress: 8,
      limits: { closeGraceMs: 1 },
      routes: (router) =>
        void router.service(KeyService, {
          getDataKey: async (request, context) => {
            this.headers.push(context.requestHeader.get("authorization"));
            return this.answer(request);
          },
        }),
    });
  }

  async restart(ca = CA, name = "key-service"): Promise<void> {
    const { port } = this.server.address;
    await this.server.close();
    await this.listen(port, ca, name);
  }

  get(generation?: number, signal?: AbortSignal) {
    const request = { keyId: KEY_ID, lengthBytes: 32, ...(generation === undefined ? {} : { generation }) };
    return this.client.getDataKey(request, signal);
  }
}

function failing(times: number, code: RpcError["code"]): Answer {
  let left = times;
  return (request) => {
    if (left-- > 0) throw new RpcError(code, "by test");
    return GOOD(request);
  };
}

async function rejects(call: Promise<unknown>, code: KeyClientErrorCode): Promise<KeyClientError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof KeyClientError, inspect(error));
  assert.equal(error.code, code);
  return error;
}

test("getDataKey() gives the key and its generation, by the token in the file", async (t) => {
  const setting = await Setting.create(t);
  const { key, generation } = await setting.get();
  assert.deepEqual([key.reveal(), generation], [new Uint8Array(32).fill(7), 2]);
  assert.equal((await setting.get(1)).generation, 1);
  assert.deepEqual(setting.headers, ["Bearer abc", "Bearer abc"]);
});

test("getDataKey() reads a replaced token at the next call", async (t) => {
  const setting = await Setting.create(t);
  await setting.get();
  await setting.write("token", "def");
  await setting.get();
  assert.deepEqual(setting.headers, ["Bearer abc", "Bearer def"]);
});

test("getDataKey() connects again after the service was away, under a replaced CA too", async (t) => {
  const setting = await Setting.create(t);
  await setting.get();
  await setting.restart();
  await setting.get();
  const other = await TestCa.create("services");
  await setting.restart(other);
  await rejects(setting.get(), "refused");
  await setting.write("ca.crt", other.certificatePem);
  await setting.get();
});

test("getDataKey() sends no token to a server that is not the key service", async (t) => {
  const setting = await Setting.create(t);
  await setting.restart(CA, "join-service");
  await rejects(setting.get(), "refused");
  assert.deepEqual(setting.headers, []);
});

for (const code of ["unavailable", "resource-exhausted", "deadline-exceeded"] as const) {
  test(`getDataKey() asks again after "${code}"`, async (t) => {
    const setting = await Setting.create(t);
    setting.answer = failing(2, code);
    await setting.get();
    assert.equal(setting.headers.length, 3);
  });
}

for (const code of ["permission-denied", "unauthenticated", "invalid-argument", "not-found", "internal"] as const) {
  test(`getDataKey() does not ask again after "${code}"`, async (t) => {
    const setting = await Setting.create(t);
    setting.answer = failing(1, code);
    await rejects(setting.get(), "refused");
    assert.equal(setting.headers.length, 1);
  });
}

test("getDataKey() stops asking when its signal says so", async (t) => {
  const setting = await Setting.create(t);
  const stop = new AbortController();
  setting.answer = (request) => {
    stop.abort();
    return failing(1, "unavailable")(request);
  };
  await rejects(setting.get(undefined, stop.signal), "aborted");
  assert.equal(setting.headers.length, 1);
  await rejects(setting.get(undefined, stop.signal), "aborted");
});

const wrong: [string, Answer][] = [
  ["a short key", () => ({ dataKey: new Uint8Array(31), generation: 1 })],
  ["no generation", () => ({ dataKey: new Uint8Array(32), generation: 0 })],
  ["another generation than it asked for", () => ({ dataKey: new Uint8Array(32), generation: 2 })],
];
for (const [what, answer] of wrong) {
  test(`getDataKey() refuses ${what}`, async (t) => {
    const setting = await Setting.create(t);
    setting.answer = answer;
    await rejects(setting.get(1), "answer_invalid");
  });
}

test("getDataKey() says what files it can't read, and no error shows the token", async (t) => {
  const setting = await Setting.create(t);
  await setting.write("token", "very-secret");
  setting.answer = failing(1, "permission-denied");
  assert.doesNotMatch(inspect(await rejects(setting.get(), "refused"), { depth: 9 }), /very-secret/);
  await rm(join(setting.folder, "token"));
  assert.match((await rejects(setting.get(), "files_unreadable")).message, /token"$/);
});

for (const address of ["", "host", "host:", ":1", "host:0", "host:65536", "a b:1", "http://a:1"]) {
  test(`createKeyServiceClient() refuses the address ${JSON.stringify(address)}`, () => {
    assert.throws(() => createKeyServiceClient({ address, caFile: "", tokenFile: "" }), { code: "address_invalid" });
  });
}
