import assert from "node:assert/strict";
import { test } from "node:test";
import { AUTHORIZED_NAMESPACES, authorizeKeyRequest } from "./authorization.ts";
import { KeyServiceError, type KeyServiceErrorCode } from "./errors.ts";

const DISK = "state-disk/5c7c9a1e-0000-8000-8000-0123456789ab";

const granted: [string, string, number][] = [
  ["join-service", DISK, 32],
  ["csi", "volume/pvc-1", 96],
  ["s3proxy", "object-kek/bucket", 32],
  ["node-agent", "etcd-secrets/kubernetes", 32],
];

test("authorizeKeyRequest() gives join-service etcd-secrets, for the tickets of control planes", () => {
  const request = { caller: "join-service", keyId: "etcd-secrets/kubernetes", lengthBytes: 32, generation: 0 };
  assert.equal(authorizeKeyRequest(request).namespace, "etcd-secrets");
});

for (const [caller, keyId, lengthBytes] of granted) {
  test(`authorizeKeyRequest() gives ${caller} ${keyId.split("/")[0]}`, () => {
    const { namespace, id } = authorizeKeyRequest({ caller, keyId, lengthBytes, generation: 0 });
    assert.equal(`${namespace}/${id}`, keyId);
  });
}

// Every caller with every namespace that is not its own.
for (const [caller, own] of AUTHORIZED_NAMESPACES) {
  for (const [, keyId, lengthBytes] of granted.filter(([, id]) => !own.some((name) => id.startsWith(name)))) {
    test(`authorizeKeyRequest() refuses ${caller} ${keyId.split("/")[0]}`, () => {
      refused({ caller, keyId, lengthBytes, generation: 0 }, "namespace_forbidden");
    });
  }
}

const cases: [string, string, string, number, KeyServiceErrorCode][] = [
  ["an unknown caller", "verify", DISK, 32, "caller_unknown"],
  ["a caller without a name", "", DISK, 32, "caller_unknown"],
  ["a caller named like a property of objects", "constructor", DISK, 32, "caller_unknown"],
  ["a caller in other letters", "Join-Service", DISK, 32, "caller_unknown"],
  ["a path out of the namespace", "csi", `volume/../${DISK}`, 32, "key_id_invalid"],
  ["a second slash", "csi", "volume/a/b", 32, "key_id_invalid"],
  ["an unknown namespace", "join-service", "etcd-secrets-key/x", 32, "key_id_invalid"],
  ["a disk that is no UUID", "join-service", "state-disk/all", 32, "key_id_invalid"],
  ["a disk key of 31 bytes", "join-service", DISK, 31, "key_length_invalid"],
  ["a disk key of 64 bytes", "join-service", DISK, 64, "key_length_invalid"],
  ["another key for secrets in etcd", "node-agent", "etcd-secrets/other", 32, "key_id_invalid"],
  ["a key for secrets in etcd of 16 bytes", "node-agent", "etcd-secrets/kubernetes", 16, "key_length_invalid"],
  ["a volume key of 0 bytes", "csi", "volume/a", 0, "key_length_invalid"],
  ["a volume key of 4 GiB", "csi", "volume/a", 2 ** 32 - 1, "key_length_invalid"],
];
for (const [what, caller, keyId, lengthBytes, code] of cases) {
  test(`authorizeKeyRequest() refuses ${what}`, () => refused({ caller, keyId, lengthBytes, generation: 1 }, code));
}

for (const generation of [-1, 1.5, 256, 2 ** 32 - 1]) {
  test(`authorizeKeyRequest() refuses generation ${generation}`, () => {
    refused({ caller: "csi", keyId: "volume/a", lengthBytes: 32, generation }, "generation_invalid");
  });
}

function refused(request: Parameters<typeof authorizeKeyRequest>[0], code: KeyServiceErrorCode): void {
  assert.throws(
    () => authorizeKeyRequest(request),
    (error: unknown) => error instanceof KeyServiceError && error.code === code,
  );
}
