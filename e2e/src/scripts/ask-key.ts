/** Asks the key service for a key as a pod does, and prints what came of it as a line of JSON; never the key. */
import { createKeyServiceClient, KeyClientError } from "@constellation/key-client";

const [keyId = ""] = process.argv.slice(2);
const client = createKeyServiceClient({
  address: "key-service.kube-system.svc:9445",
  caFile: "/services-ca/ca.crt",
  tokenFile: "/key-service-token/token",
});
try {
  const { key, generation } = await client.getDataKey({ keyId, lengthBytes: 32 });
  key.wipe();
  console.log(JSON.stringify({ outcome: "granted", generation }));
} catch (error) {
  if (!(error instanceof KeyClientError)) throw error;
  console.log(JSON.stringify({ outcome: "refused", code: error.remoteCode ?? error.code }));
} finally {
  await client.close();
}
