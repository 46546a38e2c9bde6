import { Agent } from "node:https";
import { S3Client } from "@aws-sdk/client-s3";
import { REGION } from "./proxy.ts";

/** A client of the AWS SDK with its own defaults, but for the place. */
export function sdkClient(
  endpoint: string,
  credentials: { readonly accessKeyId: string; readonly secretAccessKey: string },
  ca?: string,
): S3Client {
  const agent = ca === undefined ? {} : { requestHandler: { httpsAgent: new Agent({ ca, keepAlive: true }) } };
  return new S3Client({ endpoint, region: REGION, credentials, forcePathStyle: true, ...agent });
}
