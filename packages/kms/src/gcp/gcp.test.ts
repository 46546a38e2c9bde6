import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { inspect } from "node:util";
import { utf8 } from "@constellation/bytes";
import { EnvelopeKms } from "../envelope/envelope-kms.ts";
import { KmsError } from "../error.ts";
import type { Fetch, Tools } from "../http/fetch.ts";
import { FaultyFetch } from "../testing/faults.ts";
import { GCP_RING, GcpStandIn } from "../testing/gcp-stand-in.ts";
import { kmsCompliance, type LieTest } from "../testing/kms-compliance.ts";
import { storeCompliance } from "../testing/store-compliance.ts";
import { impatientTools, patientTools } from "../testing/test-tools.ts";
import { GcpKms } from "./gcp-kms.ts";
import { GcsStore } from "./gcs-store.ts";
import { type GoogleCredentialOptions, googleToken } from "./google-token.ts";

const { signal } = new AbortController();
const KNOWN: GoogleCredentialOptions = { from: "file", path: "/known.json" };
const UNKNOWN: GoogleCredentialOptions = { from: "file", path: "/unknown.json" };

/** The stand-in, and the files of two service accounts, one of which it does not know. */
function filesOf(gcp: GcpStandIn): Tools["readFile"] {
  const files = new Map([
    ["/known.json", gcp.keyFile()],
    ["/unknown.json", gcp.keyFile(false)],
  ]);
  return async (path) => Uint8Array.from(files.get(path) ?? []);
}

function liesOf(faulty: FaultyFetch): LieTest[] {
  const lie = (title: string, during: LieTest["during"], code: LieTest["code"], changes: object): LieTest => ({
    title,
    during,
    code,
    begin: () => {
      faulty.lie = { about: during === "wrap" ? ":encrypt" : ":decrypt", tell: (json) => Object.assign(json, changes) };
      return () => (faulty.lie = undefined);
    },
  });
  return [
    lie("another key encrypted", "wrap", "kms_answer", { name: `${GCP_RING}/cryptoKeys/other/cryptoKeyVersions/1` }),
    lie("no version of the key encrypted", "wrap", "kms_answer", { name: `${GCP_RING}/cryptoKeys/kek` }),
    lie("the plaintext was not verified", "wrap", "kms_answer", { verifiedPlaintextCrc32c: false }),
    lie("the context was not verified", "wrap", "kms_answer", { verifiedAdditionalAuthenticatedDataCrc32c: null }),
    lie("a wrong checksum of the ciphertext", "wrap", "kms_answer", { ciphertextCrc32c: "1" }),
    lie("another ciphertext", "wrap", "kms_answer", { ciphertext: "AAAA" }),
    lie("a wrong checksum of the plaintext", "unwrap", "kms_answer", { plaintextCrc32c: "1" }),
    lie("another plaintext", "unwrap", "kms_answer", { plaintext: `${"A".repeat(43)}=` }),
    lie("another plaintext and its checksum", "unwrap", "wrapped_key_corrupt", {
      plaintext: `${"A".repeat(43)}=`,
      plaintextCrc32c: "2324772522",
    }),
    lie("no plaintext", "unwrap", "kms_answer", { plaintext: "" }),
  ];
}

const HAS = ["otherKey", "wrongCredentials", "missingKey", "faulty", "lies", "disable", "enable", "destroy"] as const;
kmsCompliance("Google Cloud KMS at a stand-in", HAS, async () => {
  const gcp = new GcpStandIn();
  const faulty = new FaultyFetch(gcp.fetch);
  const readFile = filesOf(gcp);
  const tools = patientTools({ fetch: gcp.fetch, readFile });
  const wrapperOf = (key: string, own = tools, options: GoogleCredentialOptions = KNOWN): GcpKms => {
    const token = googleToken(options, "https://www.googleapis.com/auth/cloudkms", "kms", own);
    const resource = `${GCP_RING}/cryptoKeys/${key}`;
    return new GcpKms({ resource, endpoint: "https://cloudkms.googleapis.com", token }, own);
  };
  const kmsOf = (...parameters: Parameters<typeof wrapperOf>): EnvelopeKms =>
    new EnvelopeKms(wrapperOf(...parameters), randomBytes);
  for (const name of ["kek", "other"]) await wrapperOf(name).createKey(signal);
  const setState = async (state: "ENABLED" | "DISABLED" | "DESTROYED"): Promise<void> => {
    const key = gcp.keys.get(`${GCP_RING}/cryptoKeys/kek`);
    if (key !== undefined) key.state = state;
  };
  return {
    kind: "gcp",
    kms: kmsOf("kek"),
    otherKey: kmsOf("other"),
    wrongCredentials: kmsOf("kek", tools, UNKNOWN),
    missingKey: kmsOf("nothing"),
    faulty: {
      kms: kmsOf("kek", { ...impatientTools(faulty.fetch, faulty), readFile }),
      set: (fault) => (faulty.fault = fault),
    },
    lies: liesOf(faulty),
    disable: () => setState("DISABLED"),
    enable: () => setState("ENABLED"),
    destroy: () => setState("DESTROYED"),
    stop: async () => undefined,
  };
});

storeCompliance(
  "Google Cloud Storage at a stand-in",
  ["otherPrefix", "wrongCredentials", "missingBucket", "faulty"],
  async () => {
    const gcp = new GcpStandIn();
    const faulty = new FaultyFetch(gcp.fetch);
    const readFile = filesOf(gcp);
    const tools = patientTools({ fetch: gcp.fetch, readFile });
    const storeOf = (
      bucket: string,
      prefix: string,
      own = tools,
      options: GoogleCredentialOptions = KNOWN,
    ): GcsStore => {
      const token = googleToken(options, "https://www.googleapis.com/auth/devstorage.read_write", "store", own);
      return new GcsStore({ bucket, prefix, endpoint: "https://storage.googleapis.com", token }, own);
    };
    return {
      store: storeOf("keys", "a/"),
      other: storeOf("keys", "a/", tools, { from: "instance" }),
      otherPrefix: storeOf("keys", "b/"),
      wrongCredentials: storeOf("keys", "a/", tools, UNKNOWN),
      missingBucket: storeOf("nothing", ""),
      faulty: {
        store: storeOf("keys", "a/", { ...impatientTools(faulty.fetch, faulty), readFile }),
        set: (fault) => (faulty.fault = fault),
      },
      stop: async () => undefined,
    };
  },
);

test("GcsStore refuses an object whose checksum is another, or missing", async () => {
  const gcp = new GcpStandIn();
  const readFile = filesOf(gcp);
  for (const hash of ["crc32c=AAAAAA==", "md5=x", ""]) {
    const lying: Fetch = async (url, init) => {
      const response = await gcp.fetch(url, init);
      if (!url.includes("alt=media")) return response;
      return new Response(response.body, {
        status: response.status,
        headers: hash === "" ? {} : { "x-goog-hash": hash },
      });
    };
    const tools = { ...impatientTools(lying), readFile };
    const token = googleToken(KNOWN, "https://www.googleapis.com/auth/devstorage.read_write", "store", tools);
    const store = new GcsStore(
      { bucket: "keys", prefix: "", endpoint: "https://storage.googleapis.com", token },
      tools,
    );
    await store.putIfAbsent("a", Uint8Array.of(1), signal);
    await assert.rejects(
      store.get("a", signal),
      (error) => error instanceof KmsError && error.code === "store_answer",
      hash,
    );
  }
});

test("googleToken() refuses a key file of another form, and shows nothing of it", async () => {
  for (const text of ["", "{}", '{"client_email":"a","private_key_id":"b","private_key":"s3cret"}', "s3cret"]) {
    const tools = { ...impatientTools(new GcpStandIn().fetch), readFile: async () => utf8(text) };
    await assert.rejects(googleToken(KNOWN, "scope", "kms", tools)(signal), (error) => {
      assert.ok(error instanceof KmsError && error.code === "credentials_unreadable");
      return !inspect(error).includes("s3cret");
    });
  }
});
