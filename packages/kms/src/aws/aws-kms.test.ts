import assert from "node:assert/strict";
import { test } from "node:test";
import { utf8 } from "@constellation/bytes";
import { Secret } from "@constellation/keys";
import { KmsError, type KmsErrorCode } from "../error.ts";
import { textSecret } from "../http/text-secret.ts";
import { jsonResponse, standIn } from "../testing/http-request.ts";
import { impatientTools } from "../testing/test-tools.ts";
import { AwsKms } from "./aws-kms.ts";

const { signal } = new AbortController();
const SECRET = new Secret(new Uint8Array(32));
const WRAPPED = { keyName: "arn:aws:kms:eu-central-1:123456789012:key/kek", bytes: Uint8Array.of(1) };

function kmsOf(answer: () => Response): AwsKms {
  const credentials = () => Promise.resolve({ accessKeyId: "AKIA", secretAccessKey: textSecret("x") });
  const options = { region: "eu-central-1", keyName: "kek", endpoint: "https://kms.example", credentials };
  return new AwsKms(options, impatientTools(standIn(answer)));
}

// moto knows neither disabled keys nor these refusals.
const REFUSALS: readonly [string, number, KmsErrorCode][] = [
  ["DisabledException", 400, "kms_key_disabled"],
  ["KMSInvalidStateException", 400, "kms_key_disabled"],
  ["com.amazonaws.kms#NotFoundException", 400, "kms_key_missing"],
  ["AccessDeniedException", 400, "kms_denied"],
  ["ExpiredTokenException", 400, "kms_denied"],
  ["IncorrectKeyException", 400, "wrong_kms"],
  ["InvalidCiphertextException", 400, "wrapped_key_corrupt"],
  ["InvalidKeyUsageException", 400, "kms_key_unfit"],
  ["ThrottlingException", 400, "kms_busy"],
  ["KMSInternalException", 500, "kms_failed"],
  ["SomethingNew", 400, "kms_answer"],
  ["toString", 400, "kms_answer"],
];
for (const [type, status, code] of REFUSALS) {
  test(`AwsKms tells ${type} as ${code}`, async () => {
    const kms = kmsOf(() => jsonResponse({ __type: type, message: "words" }, status));
    const refused = (error: unknown): boolean => error instanceof KmsError && error.code === code;
    await assert.rejects(kms.wrapKey(SECRET, utf8("x"), signal), refused);
    await assert.rejects(kms.unwrapKey(WRAPPED, utf8("x"), signal), refused);
  });
}

test("AwsKms refuses a key that can't encrypt, and tells one that is off", async () => {
  const described = (changes: object) =>
    kmsOf(() => {
      const metadata = { KeySpec: "SYMMETRIC_DEFAULT", KeyUsage: "ENCRYPT_DECRYPT", KeyState: "Enabled", ...changes };
      return jsonResponse({ KeyMetadata: metadata });
    }).describeKey(signal);
  assert.equal((await described({})).state, "enabled");
  for (const KeyState of ["Disabled", "PendingDeletion", "PendingImport", "Unavailable"]) {
    assert.equal((await described({ KeyState })).state, "disabled");
  }
  const unfit = (error: unknown): boolean => error instanceof KmsError && error.code === "kms_key_unfit";
  await assert.rejects(described({ KeySpec: "RSA_4096" }), unfit);
  await assert.rejects(described({ KeyUsage: "SIGN_VERIFY" }), unfit);
});
