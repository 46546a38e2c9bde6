import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { isGeneration, MAX_GENERATION, Secret } from "@constellation/keys";
import { type ClusterKeyManagement, validateClusterUris, type WrappedRootKey } from "@constellation/kms/root";
import { type KeyManagement, type SelfRecovery, SelfRecoverySchema } from "@constellation/rpc";
import { describeError, NodeError } from "../errors.ts";

/** All that a control plane needs to open its disk by the cluster's external KMS. */
export interface RecoveryRecord {
  readonly keyManagement: ClusterKeyManagement;
  readonly clusterId: Uint8Array;
  readonly measurementSalt: Uint8Array;
  /** Generations of the root key, each once; the first is among them. */
  readonly roots: readonly WrappedRootKey[];
}

const KEY_BYTES = 32;
const MAX_ROOTS = 64;
const MAX_ENVELOPE_BYTES = 16 * 1024;

/**
 * Takes key management out of a message; the message's own copy of the credentials is overwritten in any case.
 * @throws NodeError `request`
 */
export function takeKeyManagement(message: KeyManagement): ClusterKeyManagement {
  const names = message.credentials.map(({ name }) => name);
  const credentials = new Map<string, Secret>();
  try {
    if (new Set(names).size !== names.length) throw invalid("credentials", "one name twice", "each name once");
    validateClusterUris({ kms: message.kmsUri, storage: message.storageUri }, names);
    for (const { name, data } of message.credentials) credentials.set(name, new Secret(data));
    return { kms: message.kmsUri, storage: message.storageUri, credentials };
  } catch (cause) {
    if (cause instanceof NodeError) throw cause;
    throw new NodeError("request", `Read key management failed: ${describeError(cause)}`, { cause });
  } finally {
    for (const { data } of message.credentials) data.fill(0);
  }
}

/** Takes a record out of a message; the message's own copy of the credentials is overwritten. @throws NodeError `request` */
export function takeRecoveryRecord(message: SelfRecovery): RecoveryRecord {
  if (message.keyManagement === undefined) throw invalid("key_management", "nothing", "a KMS");
  const keyManagement = takeKeyManagement(message.keyManagement);
  try {
    return {
      keyManagement,
      clusterId: ofKeyLength("cluster_id", message.clusterId),
      measurementSalt: ofKeyLength("measurement_salt", message.measurementSalt),
      roots: parseRoots(message),
    };
  } catch (error) {
    wipeCredentials(keyManagement);
    throw error;
  }
}

/** The record as bytes, one form for each record: secret. The caller overwrites them. */
export function serializeRecord({ keyManagement, clusterId, measurementSalt, roots }: RecoveryRecord): Uint8Array {
  const { kms, storage, credentials } = keyManagement;
  const message = create(SelfRecoverySchema, {
    keyManagement: {
      kmsUri: kms,
      storageUri: storage,
      credentials: [...credentials]
        .map(([name, secret]) => ({ name, data: secret.reveal() }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    },
    clusterId,
    measurementSalt,
    roots: roots.map((root) => ({ ...root })).sort((a, b) => a.generation - b.generation),
  });
  return toBinary(SelfRecoverySchema, message);
}

/** Reads the record's bytes and overwrites them. @throws NodeError `request` */
export function takeRecordBytes(bytes: Uint8Array): RecoveryRecord {
  try {
    return takeRecoveryRecord(fromBinary(SelfRecoverySchema, bytes));
  } catch (cause) {
    if (cause instanceof NodeError) throw cause;
    throw new NodeError("request", `Read recovery record failed: got "${bytes.length}" bytes of another form`);
  } finally {
    bytes.fill(0);
  }
}

/** Overwrites the credentials of a record that is not used any more. */
export function wipeCredentials({ credentials }: ClusterKeyManagement): void {
  for (const secret of credentials.values()) secret.wipe();
}

function parseRoots({ roots }: SelfRecovery): WrappedRootKey[] {
  const generations = new Set(roots.map(({ generation }) => generation));
  if (roots.length > MAX_ROOTS || generations.size !== roots.length || !generations.has(1)) {
    throw invalid("roots", `generations ${[...generations].join(", ")}`, `each once, "1" among them`);
  }
  return roots.map(({ generation, salt, envelope }) => {
    if (!isGeneration(generation)) throw invalid("roots.generation", generation, `1 to ${MAX_GENERATION}`);
    if (envelope.length < 1 || envelope.length > MAX_ENVELOPE_BYTES) {
      throw invalid("roots.envelope", `${envelope.length} bytes`, `1 to ${MAX_ENVELOPE_BYTES} bytes`);
    }
    return { generation, salt: ofKeyLength("roots.salt", salt), envelope: Uint8Array.from(envelope) };
  });
}

/** A copy: what it came in is overwritten. */
function ofKeyLength(field: string, value: Uint8Array): Uint8Array {
  if (value.length === KEY_BYTES) return Uint8Array.from(value);
  throw invalid(field, `${value.length} bytes`, `${KEY_BYTES} bytes`);
}

function invalid(field: string, got: string | number, wanted: string): NodeError {
  return new NodeError("request", `Read recovery record failed: ${field} is "${got}", wanted ${wanted}`);
}
