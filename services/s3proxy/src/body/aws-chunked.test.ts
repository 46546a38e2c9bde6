import assert from "node:assert/strict";
import { test } from "node:test";
import type { Authentication } from "../auth/authenticate.ts";
import { SecretAccessKey } from "../auth/credentials.ts";
import { signingKey } from "../auth/sigv4.ts";
import { decodeAwsChunked, type Trailers } from "./aws-chunked.ts";

// The examples of "Signature Calculations: Transferring Payload in Multiple Chunks", without and with trailers, in the
// Amazon S3 API Reference.
const SCOPE = { date: "20130524", region: "us-east-1" };
const SECRET = new SecretAccessKey(Buffer.from("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
const authenticationWith = (signature: string): Authentication => ({
  accessKeyId: "AKIAIOSFODNN7EXAMPLE",
  payload: { kind: "unsigned" },
  key: signingKey(SECRET, SCOPE),
  timestamp: "20130524T000000Z",
  scope: SCOPE,
  signature,
});
const PLAIN = authenticationWith("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9");
const WITH_TRAILER = authenticationWith("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e");
const A = (count: number): string => "a".repeat(count);
const SIGNED =
  `10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n${A(65_536)}\r\n` +
  `400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n${A(1_024)}\r\n` +
  "0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n";
const SIGNED_TRAILER =
  `10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n${A(65_536)}\r\n` +
  `400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n${A(1_024)}\r\n` +
  "0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n" +
  "x-amz-checksum-crc32c:sOO8/Q==\r\n" +
  "x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n";
const UNSIGNED = "5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n";

interface Kind {
  readonly authentication: Authentication;
  readonly signed: boolean;
  readonly trailer: boolean;
}
const signed: Kind = { authentication: PLAIN, signed: true, trailer: false };
const signedTrailer: Kind = { authentication: WITH_TRAILER, signed: true, trailer: true };
const unsigned: Kind = { authentication: PLAIN, signed: false, trailer: true };

test("decodeAwsChunked() accepts the published examples, in whatever pieces they come", async () => {
  for (const pieceBytes of [997, 66_000, 100_000]) {
    assert.equal((await decode(SIGNED, signed, pieceBytes)).text, A(66_560));
    const { text, trailers } = await decode(SIGNED_TRAILER, signedTrailer, pieceBytes);
    assert.equal(text, A(66_560));
    assert.deepEqual([...trailers], [["x-amz-checksum-crc32c", "sOO8/Q=="]]);
  }
});

test("decodeAwsChunked() decodes unsigned chunks with a trailer, byte by byte too", async () => {
  for (const pieceBytes of [1, 1_000]) {
    const { text, trailers } = await decode(UNSIGNED, unsigned, pieceBytes);
    assert.equal(text, "hello world");
    assert.deepEqual([...trailers], [["x-amz-checksum-crc32", "DUoRhQ=="]]);
  }
  assert.equal((await decode("0\r\n\r\n", unsigned)).text, "");
});

const wrong: readonly (readonly [string, string, Kind, string])[] = [
  ["a changed byte", SIGNED.replace("aaaa", "aaab"), signed, "SignatureDoesNotMatch"],
  ["a changed signature", SIGNED.replace("0055", "0056"), signed, "SignatureDoesNotMatch"],
  ["chunks without signatures", SIGNED.replaceAll(/;chunk-signature=\w+/g, ""), signed, "SignatureDoesNotMatch"],
  ["a changed trailer", SIGNED_TRAILER.replace("sOO8", "sOO9"), signedTrailer, "SignatureDoesNotMatch"],
  [
    "a trailer without its signature",
    SIGNED_TRAILER.replace(/x-amz-trailer-signature.*\r\n/, ""),
    signedTrailer,
    "SignatureDoesNotMatch",
  ],
  ["a chunk that was left out", SIGNED.replace(/400;[^\r]*\r\na*\r\n/, ""), signed, "SignatureDoesNotMatch"],
  [
    "a body that was cut off before its last chunk",
    SIGNED.replace(/0;chunk-signature=b6c6.*$/s, ""),
    signed,
    "IncompleteBody",
  ],
  ["a body that was cut off in a chunk", UNSIGNED.slice(0, 10), unsigned, "IncompleteBody"],
  ["a body that was cut off in a line", "5", unsigned, "IncompleteBody"],
  ["a size that is no number", UNSIGNED.replace("5\r", "-5\r"), unsigned, "InvalidRequest"],
  ["a size of too many digits", UNSIGNED.replace("5\r", "00000000000005\r"), unsigned, "InvalidRequest"],
  ["a chunk that is longer than it says", UNSIGNED.replace("hello", "hello!"), unsigned, "InvalidRequest"],
  ["a trailer that was not announced", UNSIGNED, { ...unsigned, trailer: false }, "InvalidRequest"],
  ["a trailer given twice", UNSIGNED.replace(/(x-amz-c.*\r\n)/, "$1$1"), unsigned, "InvalidRequest"],
  ["bytes after the end", `${UNSIGNED}more`, unsigned, "InvalidRequest"],
  ["a line without an end", "5".repeat(3_000), unsigned, "InvalidRequest"],
];
for (const [what, text, kind, code] of wrong) {
  test(`decodeAwsChunked() refuses ${what}`, async () => {
    await assert.rejects(decode(text, kind), { name: "S3Error", code });
  });
}

async function decode(text: string, kind: Kind, pieceBytes = 700): Promise<{ text: string; trailers: Trailers }> {
  const bytes = Buffer.from(text, "latin1");
  const source = (async function* () {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  })();
  let trailers: Trailers = new Map();
  const all: Uint8Array[] = [];
  for await (const piece of decodeAwsChunked(source, kind, (got) => (trailers = got))) all.push(piece);
  return { text: Buffer.concat(all).toString("latin1"), trailers };
}
