import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import { base64 } from "@constellation/bytes";
import { derToPem, pemToDer } from "@constellation/x509";
import { createDirectFetch } from "../system/fetch.ts";
import { FakeClock } from "../testing/fake-clock.ts";
import { FakeMetadata, json, status } from "../testing/fake-metadata.ts";
import { refusal } from "../testing/refusal.ts";
import { getAmdCertification } from "./amd-certification.ts";
import { MetadataClient } from "./metadata-client.ts";
import { getTdQuote } from "./td-quote.ts";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? join(import.meta.dirname, "../../../../../shared/vectors");
const AZURE = join(VECTORS, "azure/snp-milan-v3-trustee-v1");
const VCEK = new Uint8Array(readFileSync(join(AZURE, "vcek.der")));
const ASK_PEM = readFileSync(join(AZURE, "ask.pem"), "latin1");
const ARK_PEM = readFileSync(join(VECTORS, "trust-roots/amd/ark_milan.pem"), "latin1");

const signal = new AbortController().signal;
const QUESTION = { method: "GET", path: "/x", maxBytes: 1000 } as const;
let service: FakeMetadata;

before(async () => {
  service = await FakeMetadata.start();
});
after(() => service.close());
afterEach(() => {
  service.scripts.clear();
  service.questions.length = 0;
});

function client(clock = new FakeClock(), timeoutMs = 10_000, origin = service.origin): MetadataClient {
  return new MetadataClient({ origin, timeoutMs, maxAttempts: 3 }, { fetch: createDirectFetch(), clock });
}

describe("MetadataClient.ask()", () => {
  test("asks with the header of metadata services, and sends JSON", async () => {
    service.scripts.set("/x", [json([1])]);
    assert.deepEqual(await client().ask(QUESTION, signal), new TextEncoder().encode("[1]"));
    await client().ask({ ...QUESTION, method: "POST", body: "{}" }, signal);
    assert.deepEqual(service.questions, ["GET /x Metadata=true ", "POST /x Metadata=true {}"]);
  });

  for (const code of [410, 429, 500, 503]) {
    test(`asks again after status ${code}`, async () => {
      service.scripts.set("/x", [status(code), status(code), json({})]);
      const clock = new FakeClock();
      assert.equal((await client(clock).ask(QUESTION, signal)).length, 2);
      assert.deepEqual(clock.waits, [100, 200]);
    });
  }

  for (const code of [204, 302, 304, 400, 404]) {
    test(`refuses status ${code} at once`, async () => {
      service.scripts.set("/x", [status(code), json({})]);
      await assert.rejects(
        client().ask(QUESTION, signal),
        refusal("metadata_status", new RegExp(`got status ${code}`)),
      );
      assert.equal(service.questions.length, 1);
    });
  }

  test("refuses a service that stays broken", async () => {
    service.scripts.set("/x", [status(500)]);
    await assert.rejects(client().ask(QUESTION, signal), refusal("metadata_status", /got status 500/));
    assert.equal(service.questions.length, 3);
  });

  test("refuses where there is no service, and where it hangs up", async () => {
    const gone = await FakeMetadata.start();
    const { origin } = gone;
    await gone.close();
    const clock = new FakeClock();
    await assert.rejects(
      client(clock, 10_000, origin).ask(QUESTION, signal),
      refusal("metadata_unreachable", /ECONNREFUSED/),
    );
    assert.deepEqual(clock.waits, [100, 200]);
    service.scripts.set("/x", [(request) => request.socket.destroy()]);
    await assert.rejects(client().ask(QUESTION, signal), refusal("metadata_unreachable"));
  });

  test("refuses an answer that ends early", async () => {
    service.scripts.set("/x", [
      (request, response) => {
        response.writeHead(200, { "Content-Length": "100" }).write("part");
        setTimeout(() => request.socket.destroy(), 20);
      },
    ]);
    await assert.rejects(client().ask(QUESTION, signal), refusal("metadata_unreachable"));
  });

  test("refuses a service that does not answer, and one that does not end its answer", async () => {
    service.scripts.set("/x", [() => undefined]);
    await assert.rejects(
      client(new FakeClock(), 50).ask(QUESTION, signal),
      refusal("metadata_timeout", /none in 50 ms/),
    );
    service.scripts.set("/x", [(_, response) => void response.writeHead(200).write("part")]);
    await assert.rejects(client(new FakeClock(), 50).ask(QUESTION, signal), refusal("metadata_timeout"));
  });

  test("refuses a huge answer without reading it to its end", async () => {
    let written = 0;
    service.scripts.set("/x", [
      (_, response) => {
        response.writeHead(200);
        const more = (): void => {
          while (!response.destroyed && response.write(new Uint8Array(64 * 1024))) written += 64;
        };
        response.on("drain", more).on("error", () => undefined);
        more();
      },
    ]);
    await assert.rejects(client().ask(QUESTION, signal), refusal("metadata_too_large", /more than 1000 bytes/));
    assert.ok(written < 100_000, `${written} KiB`);
    assert.equal(service.questions.length, 1);
  });

  test("ends with the caller's signal", async () => {
    const controller = new AbortController();
    service.scripts.set("/x", [() => controller.abort()]);
    await assert.rejects(client().ask(QUESTION, controller.signal), { name: "AbortError" });
  });
});

describe("getAmdCertification()", () => {
  const answers = (value: unknown) => service.scripts.set("/metadata/THIM/amd/certification", [json(value)]);
  const good = {
    vcekCert: derToPem(VCEK),
    certificateChain: `${ASK_PEM}\n${ARK_PEM}`,
    tcbm: "DB18",
    cacheControl: "1",
  };

  test("gives the VCEK's certificate and the intermediate one, without the root", async () => {
    answers(good);
    const certification = await getAmdCertification(client(), signal);
    assert.deepEqual(certification, { endorsementCert: VCEK, caChain: [pemToDer(ASK_PEM)] });
  });

  const bad: [string, unknown, RegExp][] = [
    ["no object", [good], /wanted a JSON object/],
    ["no VCEK", { certificateChain: "" }, /no text "vcekCert"/],
    ["another type", { ...good, certificateChain: 1 }, /no text "certificateChain"/],
    ["no certificate", { ...good, vcekCert: "" }, /0 certificates in "vcekCert"/],
    ["two certificates", { ...good, vcekCert: good.vcekCert + ASK_PEM }, /2 certificates in "vcekCert"/],
    [
      "a block that is none",
      { ...good, certificateChain: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" },
      /"certificateChain" with/,
    ],
  ];
  for (const [title, value, message] of bad) {
    test(`refuses ${title}`, async () => {
      answers(value);
      await assert.rejects(getAmdCertification(client(), signal), refusal("metadata_malformed", message));
    });
  }

  test("refuses a page", async () => {
    service.scripts.set("/metadata/THIM/amd/certification", [(_, response) => response.end("<html>")]);
    await assert.rejects(getAmdCertification(client(), signal), refusal("metadata_malformed", /not JSON/));
  });
});

describe("getTdQuote()", () => {
  const REPORT = new Uint8Array(1024).fill(0xfb);
  const base64url = base64(REPORT).replaceAll("+", "-").replaceAll("/", "_");

  test("sends the report, and gives the quote with or without padding", async () => {
    service.scripts.set("/acc/tdquote", [json({ quote: "-_8" }), json({ quote: "-_8=" })]);
    assert.deepEqual(await getTdQuote(client(), REPORT, signal), Uint8Array.of(0xfb, 0xff));
    assert.deepEqual(await getTdQuote(client(), REPORT, signal), Uint8Array.of(0xfb, 0xff));
    const body = JSON.stringify({ report: base64url.replaceAll("=", "") });
    assert.equal(service.questions[0], `POST /acc/tdquote Metadata=true ${body}`);
  });

  test("refuses other text", async () => {
    service.scripts.set("/acc/tdquote", [json({ quote: "?" }), json({ quote: null })]);
    await assert.rejects(getTdQuote(client(), REPORT, signal), refusal("metadata_malformed", /base64url text/));
    await assert.rejects(getTdQuote(client(), REPORT, signal), refusal("metadata_malformed", /no text "quote"/));
  });
});
