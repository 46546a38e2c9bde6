import { createKeyServiceClient, KeyClientError, type KeyServiceClientOptions } from "@constellation/key-client";
import { CsiError } from "../errors.ts";
import { VOLUME_KEY_BYTES, type VolumeKeys } from "./volume-keys.ts";

/** Volume keys from the cluster's key service, to which this pod proves itself by its service account token. */
export function keyServiceKeys(options: KeyServiceClientOptions): VolumeKeys & { close(): Promise<void> } {
  const client = createKeyServiceClient(options);
  return {
    async get(uuid, generation, signal) {
      try {
        const request = { keyId: `volume/${uuid}`, lengthBytes: VOLUME_KEY_BYTES, generation };
        return await client.getDataKey(request, signal);
      } catch (cause) {
        if (!(cause instanceof KeyClientError)) throw cause;
        throw new CsiError("key_unavailable", `Get volume key failed: ${cause.message}`, { cause });
      }
    },
    close: () => client.close(),
  };
}
