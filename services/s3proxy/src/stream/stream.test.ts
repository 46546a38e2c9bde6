import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, get, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { PassThrough } from "node:stream";
import { test, type TestContext } from "node:test";
import { open } from "../testing/client.ts";
import { setUp } from "../testing/setting.ts";
import { Pace } from "./pace.ts";
import { readBody, releaseAnswer } from "./read-body.ts";
import { ANSWER_WINDOW_BYTES, REQUEST_WINDOW_BYTES, writeBody } from "./write-body.ts";

const TIMEOUT = { timeout: 60_000 };
const PIECE = Buffer.alloc(65_536, "x");

async function serve(context: TestContext, listener: (request: IncomingMessage, response: ServerResponse) => void) {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function* pieces(count: number, made: () => void = () => {}): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index += 1) {
    made();
    yield PIECE;
  }
}

/** Waits until nothing has changed a number for a while of turns of the event loop. */
async function settled(number: () => number): Promise<void> {
  for (let [turns, last] = [0, number()]; turns < 200; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (number() !== last) [turns, last] = [0, number()];
  }
}

test("writeBody() sends all of a body though the answer came in full before it", TIMEOUT, async (context) => {
  const { store, send } = await setUp(context);
  let received = 0;
  store.intercept = (incoming, response) => {
    if (incoming.method !== "PUT") return false;
    response.writeHead(200, { etag: '"x"', "content-length": "0" }).end();
    incoming.on("data", (piece: Buffer) => (received += piece.length));
    return true;
  };
  const body = Buffer.alloc(16_777_216);
  const { status } = await send("/bucket/key", { method: "PUT", body, payload: "UNSIGNED-PAYLOAD" });
  assert.equal(status, 200);
  assert.equal(received, body.length + 16 * 256);
});

test(
  "writeBody() never lets the socket of an answer count as full, and waits for a client that does not read",
  TIMEOUT,
  async (context) => {
    let made = 0;
    let full = false;
    let written: Promise<unknown> = Promise.resolve();
    const url = await serve(context, (_, response) => {
      const check = () => {
        made += 1;
        full ||= response.socket?.writableNeedDrain === true;
      };
      written = writeBody(response, pieces(1_000, check), ANSWER_WINDOW_BYTES).catch((error: Error) => error);
    });
    const outgoing = get(url, { agent: false });
    const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
    await settled(() => made);
    assert.ok(made < 500, `${made}`);
    assert.equal(full, false);
    answer.destroy();
    assert.match(String(await written), /connection|ECONN|EPIPE/);
  },
);

test("a long list never lets the socket of its answer count as full", TIMEOUT, async (context) => {
  const { store, proxy } = await setUp(context);
  const entries = Array.from(
    { length: 3_000 },
    (_, index) => `<Contents><Key>${"k".repeat(900)}${index}</Key></Contents>`,
  );
  store.intercept = (_, response) => {
    response.writeHead(200, { "content-type": "application/xml" });
    response.end(`<ListBucketResult><Name>bucket</Name>${entries.join("")}</ListBucketResult>`);
    return true;
  };
  const port = Number(new URL(proxy.endpoint).port);
  let writes = 0;
  let full = false;
  const started = (message: unknown) => {
    const { socket } = message as { socket: Socket };
    if (socket.localPort !== port) return;
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    socket.write = (...args: unknown[]) => {
      const more = write(...args);
      writes += 1;
      full ||= socket.writableNeedDrain;
      return more;
    };
  };
  subscribe("http.server.request.start", started);
  context.after(() => unsubscribe("http.server.request.start", started));
  const answer = await open(proxy.endpoint, "/bucket", { query: { "list-type": "2" } });
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  assert.ok(writes > 0);
  assert.equal(full, false);
  const text = Buffer.concat(pieces).toString();
  assert.ok(text.endsWith("</ListBucketResult>"));
  assert.equal(text.match(/<Key>/g)?.length, entries.length);
});

test("writeBody() ends the request when its source fails", TIMEOUT, async (context) => {
  const url = await serve(context, (incoming) => void incoming.resume());
  const outgoing = request(url, { method: "PUT", headers: { "content-length": "1000000" }, agent: false });
  outgoing.on("error", () => {});
  const source = async function* () {
    yield PIECE;
    throw new Error("wrong hash");
  };
  await assert.rejects(writeBody(outgoing, source(), REQUEST_WINDOW_BYTES), { message: "wrong hash" });
  assert.equal(outgoing.destroyed, true);
});

test("readBody() fails when the connection ends before the body", TIMEOUT, async (context) => {
  const url = await serve(context, (_, response) => {
    response.writeHead(200, { "content-length": "100000" });
    response.write(PIECE, () => response.destroy());
  });
  const outgoing = get(url, { agent: false });
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  await assert.rejects(async () => {
    for await (const piece of readBody(answer, { release: releaseAnswer })) assert.ok(piece.length > 0);
  });
  await assert.rejects(readBody(answer, { release: releaseAnswer }).next());
});

test("readBody() keeps small pieces that wait together, in their order", TIMEOUT, async () => {
  const bytes = Buffer.from(Uint8Array.from({ length: 20_000 }, (_, index) => index * 7 + (index >> 8)));
  const sizes = [1, 1, 3, 2_000, 1, 1_023, 1_024, 1, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000];
  const message = Object.assign(new PassThrough(), { complete: true }) as unknown as PassThrough & IncomingMessage;
  const body = readBody(message, { release: releaseAnswer });
  const first = body.next();
  let at = 0;
  for (const size of [...sizes, ...Array<number>(1_000).fill(1)]) {
    message.write(bytes.subarray(at, at + size));
    at += size;
  }
  message.end();
  const pieces = [(await first).value as Buffer];
  await settled(() => message.readableLength);
  for await (const piece of body) pieces.push(piece);
  assert.ok(Buffer.concat(pieces).equals(bytes.subarray(0, at)));
  assert.ok(pieces.length < sizes.length + 3, `${pieces.length}`);
});

test("readBody() makes a sender wait for a slow reader", TIMEOUT, async (context) => {
  let made = 0;
  const url = await serve(context, (_, response) => {
    void writeBody(
      response,
      pieces(1_000, () => (made += 1)),
      ANSWER_WINDOW_BYTES,
    ).catch(() => {});
  });
  const outgoing = get(url, { agent: false });
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  const body = readBody(answer, { release: releaseAnswer });
  await body.next();
  await settled(() => made);
  assert.ok(made < 500, `${made}`);
  await body.return();
  assert.equal(answer.destroyed, true);
});

test("GET keeps the store's connection for the next request", TIMEOUT, async (context) => {
  const { store, put, send } = await setUp(context);
  await put("/bucket/key", Buffer.alloc(200_000));
  const ports = new Set<number | undefined>();
  store.intercept = (incoming) => {
    ports.add(incoming.socket.remotePort);
    return false;
  };
  for (let index = 0; index < 6; index += 1) assert.equal((await send("/bucket/key")).status, 200);
  assert.ok(ports.size <= 2, `${ports.size}`);
});

test(
  "readBody() gives up on a sender of a byte now and then, and writeBody() on such a receiver",
  TIMEOUT,
  async (context) => {
    let written: Promise<unknown> = Promise.resolve();
    const url = await serve(context, (incoming, response) => {
      if (incoming.method === "GET") {
        written = writeBody(response, pieces(1_000), ANSWER_WINDOW_BYTES, new Pace(200)).catch((error: Error) => error);
        return;
      }
      response.writeHead(200, { "content-length": "100000" });
      const timer = setInterval(() => response.write("x"), 20);
      response.on("close", () => clearInterval(timer));
    });
    const trickle = request(url, { method: "POST", agent: false }).end();
    const [slow] = (await once(trickle, "response")) as [IncomingMessage];
    await assert.rejects(
      async () => {
        for await (const piece of readBody(slow, { release: releaseAnswer, pace: new Pace(200) }))
          assert.ok(piece.length < 10);
      },
      { code: "ETIMEDOUT" },
    );
    const unread = get(url, { agent: false });
    const [answer] = (await once(unread, "response")) as [IncomingMessage];
    answer.on("error", () => {});
    while (!String(await written).includes("1 KiB a second")) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(((await written) as NodeJS.ErrnoException).code, "ETIMEDOUT");
  },
);

test("Pace lets a sender rest that was quick before, for as long as its allowance", async () => {
  const pace = new Pace(100);
  const late: Error[] = [];
  const rest = (ms: number) =>
    pace.wait(
      (wake) => setTimeout(wake, ms),
      (error) => late.push(error),
    );
  for (let round = 0; round < 5; round += 1) {
    await rest(40);
    pace.moved(1_000_000);
  }
  assert.deepEqual(late, []);
  await rest(400);
  assert.equal(late.length, 1);
});
