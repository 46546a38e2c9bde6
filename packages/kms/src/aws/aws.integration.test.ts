import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { EnvelopeKms } from "../envelope/envelope-kms.ts";
import { KmsError } from "../error.ts";
import type { Tools } from "../http/fetch.ts";
import { textSecret } from "../http/text-secret.ts";
import { createFetch } from "../node/https-fetch.ts";
import { FaultyFetch } from "../testing/faults.ts";
import { kmsCompliance, type LieTest } from "../testing/kms-compliance.ts";
import { Moto } from "../testing/moto.ts";
import { storeCompliance } from "../testing/store-compliance.ts";
import { impatientTools, patientTools } from "../testing/test-tools.ts";
import { AwsKms } from "./aws-kms.ts";
import { S3Store } from "./s3-store.ts";
import { signed } from "./sigv4.ts";

const REGION = "eu-central-1";
const FORGED = textSecret("x".repeat(40));
const ARN = `arn:aws:kms:${REGION}:123456789012:key/00000000-0000-4000-8000-000000000000`;

function liesOf(faulty: FaultyFetch): LieTest[] {
  const lie = (title: string, during: LieTest["during"], code: LieTest["code"], changes: object): LieTest => ({
    title,
    during,
    code,
    begin: () => {
      faulty.lie = { about: during === "wrap" ? "Encrypt" : "Decrypt", tell: (json) => Object.assign(json, changes) };
      return () => (faulty.lie = undefined);
    },
  });
  return [
    lie("another key encrypted", "wrap", "kms_answer", { KeyId: ARN }),
    lie("no key encrypted", "wrap", "kms_answer", { KeyId: 7 }),
    lie("no ciphertext", "wrap", "kms_answer", { CiphertextBlob: "" }),
    lie("a ciphertext that is no base64", "wrap", "kms_answer", { CiphertextBlob: "%" }),
    lie("another algorithm encrypted", "wrap", "kms_answer", { EncryptionAlgorithm: "RSAES_OAEP_SHA_1" }),
    lie("a ciphertext beyond all bounds", "wrap", "kms_answer", { CiphertextBlob: "A".repeat(12_000) }),
    lie("another key decrypted", "unwrap", "wrong_kms", { KeyId: ARN }),
    lie("a key of another length", "unwrap", "kms_answer", { Plaintext: "AAAA" }),
    lie("another key of the right length", "unwrap", "wrapped_key_corrupt", { Plaintext: `${"A".repeat(43)}=` }),
    lie("no plaintext", "unwrap", "kms_answer", { Plaintext: null }),
  ];
}

const { signal } = new AbortController();

kmsCompliance("AWS KMS of moto", ["otherKey", "wrongCredentials", "missingKey", "faulty", "lies"], async () => {
  const moto = await Moto.start();
  const credentials = await moto.createUser(["kms:*"]);
  const denied = await moto.createUser(["s3:*"]);
  const awsKms = (keyName: string, tools: Tools, as = credentials): EnvelopeKms => {
    const options = { region: REGION, keyName, endpoint: moto.endpoint, credentials: () => Promise.resolve(as) };
    return new EnvelopeKms(new AwsKms(options, tools), randomBytes);
  };
  const create = async (): Promise<string> => (await awsKms("none", patientTools()).createKey?.(signal)) ?? "";
  const keyName = await create();
  await moto.checkAccessAfter(0);
  await assert.rejects(
    awsKms(keyName, patientTools(), denied).wrap(textSecret("x"), new Uint8Array(1), signal),
    (error) => error instanceof KmsError && error.code === "kms_denied",
  );
  const faulty = new FaultyFetch(createFetch());
  return {
    kind: "aws",
    kms: awsKms(keyName, patientTools()),
    otherKey: awsKms(await create(), patientTools()),
    wrongCredentials: awsKms(keyName, patientTools(), { ...credentials, secretAccessKey: FORGED }),
    missingKey: awsKms(ARN, patientTools()),
    faulty: {
      kms: awsKms(keyName, impatientTools(faulty.fetch, faulty)),
      set: (fault) => (faulty.fault = fault),
    },
    lies: liesOf(faulty),
    stop: () => moto.stop(),
  };
});

storeCompliance("S3 of moto", ["otherPrefix", "wrongCredentials", "missingBucket", "faulty"], async () => {
  const moto = await Moto.start();
  const credentials = await moto.createUser(["s3:*"]);
  const create = { method: "PUT", url: `${moto.endpoint}/keys`, headers: {}, body: "" } as const;
  const { url, ...init } = signed(create, { region: "us-east-1", service: "s3" }, credentials, new Date());
  await fetch(url, init);
  await moto.checkAccessAfter(0);
  const faulty = new FaultyFetch(createFetch());
  const storeOf = (bucket: string, prefix: string, tools: Tools, as = credentials): S3Store =>
    new S3Store(
      {
        region: "us-east-1",
        bucket,
        prefix,
        bucketUrl: `${moto.endpoint}/${bucket}`,
        credentials: () => Promise.resolve(as),
      },
      tools,
    );
  return {
    store: storeOf("keys", "a/", patientTools()),
    other: storeOf("keys", "a/", patientTools()),
    otherPrefix: storeOf("keys", "b/", patientTools()),
    wrongCredentials: storeOf("keys", "a/", patientTools(), { ...credentials, secretAccessKey: FORGED }),
    missingBucket: storeOf("nothing", "", patientTools()),
    faulty: {
      store: storeOf("keys", "a/", impatientTools(faulty.fetch, faulty)),
      set: (fault) => (faulty.fault = fault),
    },
    stop: () => moto.stop(),
  };
});
