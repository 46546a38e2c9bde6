import { base64, fromBase64 } from "@constellation/bytes";
import {
  GENERATION_ANNOTATIONS,
  KEYRING_NAME,
  KEYRING_NAMESPACE,
  VOLUME_FORMATTING_ANNOTATION,
  VOLUME_UUID_ANNOTATION,
} from "@constellation/cluster-state";
import { isGeneration } from "@constellation/keys";
import { type KubeApi, KubeError, type KubeErrorCode, type ObjectMeta } from "@constellation/kube";
import type { KeyringChange, KeyringPort } from "../ports/keyring.ts";

const PAGE = 100;
const CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane";

/** The keyring's Secret, and what uses its keys, behind an API server. */
export function keyringClient(client: KubeApi): KeyringPort {
  return {
    async readKeyring(signal) {
      const secret = await unless(["not_found"], client.getSecret(KEYRING_NAMESPACE, KEYRING_NAME, signal));
      if (secret === undefined) return undefined;
      const entries = Object.entries(secret.data ?? {}).map(([name, text]) => [name, fromBase64(text)]);
      return {
        entries: Object.fromEntries(entries),
        resourceVersion: secret.metadata.resourceVersion ?? "",
        rewrittenGeneration: generationOf(secret.metadata, GENERATION_ANNOTATIONS.rewritten) ?? 1,
      };
    },
    async changeKeyring({ resourceVersion }, change, signal) {
      const patch = patchOf(resourceVersion, change);
      const changed = unless(["conflict"], client.patchSecret(KEYRING_NAMESPACE, KEYRING_NAME, patch, signal));
      return (await changed) !== undefined;
    },
    nodeGenerations: async (signal) =>
      (await client.listNodes(signal)).map(({ metadata }) => ({
        name: metadata.name,
        stateDisk: generationOf(metadata, GENERATION_ANNOTATIONS.node),
        apiServer: generationOf(metadata, GENERATION_ANNOTATIONS.apiServer),
        isControlPlane: metadata.labels?.[CONTROL_PLANE_LABEL] !== undefined,
      })),
    volumeGenerations: async (signal) =>
      (await client.listPersistentVolumes(signal))
        .filter(({ metadata }) => mayHaveKey(metadata))
        .map(({ metadata }) => ({
          name: metadata.name,
          generation: generationOf(metadata, GENERATION_ANNOTATIONS.volume),
        })),
    async listEncrypted(resource, next, signal) {
      const page = await client.listMetadata(resource, PAGE, next, signal);
      const objects = page.items.map(({ metadata: { namespace = "", name, resourceVersion = "" } }) => ({
        resource,
        namespace,
        name,
        resourceVersion,
      }));
      return { objects, ...(page.next === undefined ? {} : { next: page.next }) };
    },
    async rewrite({ resource, namespace, name, resourceVersion }, signal) {
      const patch = { metadata: { resourceVersion } };
      const patched =
        resource === "secrets"
          ? client.patchSecret(namespace, name, patch, signal)
          : client.patchConfigMap(namespace, name, patch, signal);
      await unless(["not_found", "conflict"], patched);
    },
  };
}

/** One that is being formatted has a key of some generation, and says of which only when that ends. */
function mayHaveKey({ annotations = {} }: ObjectMeta): boolean {
  return VOLUME_UUID_ANNOTATION in annotations || VOLUME_FORMATTING_ANNOTATION in annotations;
}

function patchOf(resourceVersion: string, { entries, rewrittenGeneration }: KeyringChange) {
  const rewritten = { [GENERATION_ANNOTATIONS.rewritten]: String(rewrittenGeneration) };
  const data = Object.entries(entries ?? {}).map(([name, bytes]) => [name, base64(bytes)]);
  return {
    metadata: { resourceVersion, ...(rewrittenGeneration === undefined ? {} : { annotations: rewritten }) },
    ...(entries === undefined ? {} : { data: Object.fromEntries(data) }),
  };
}

/**
 * The number in an annotation; undefined without one that is a generation's. Nodes write their own: other text says no
 * more than none, and must not keep the operator from seeing the rest.
 */
function generationOf({ annotations }: ObjectMeta, annotation: string): number | undefined {
  const text = annotations?.[annotation] ?? "";
  const value = Number(text);
  return /^[1-9][0-9]*$/.test(text) && isGeneration(value) ? value : undefined;
}

async function unless<Result>(codes: readonly KubeErrorCode[], call: Promise<Result>): Promise<Result | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof KubeError && codes.includes(error.code)) return undefined;
    throw error;
  }
}
