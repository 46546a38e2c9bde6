import { fromBase64, fromUtf8 } from "@constellation/bytes";
import { EvidenceSourceError } from "../error.ts";
import type { MetadataClient } from "./metadata-client.ts";

/** A cloud whose metadata service has what whoever made the machine gave it. */
export type Cloud = "aws" | "azure" | "gcp";

const MAX_BYTES = 64 * 1024;
const AWS_TOKEN_BYTES = 1024;

/**
 * What whoever made the machine gave it, as text: a hint from outside, of which nothing is verified. On Google it is the
 * instance attribute `constellation-metadata`, elsewhere the machine's user data.
 * @throws EvidenceSourceError those of {@link MetadataClient}, or `metadata_malformed`
 */
export async function getUserData(cloud: Cloud, client: MetadataClient, signal: AbortSignal): Promise<string> {
  switch (cloud) {
    case "aws":
      return text(await awsUserData(client, signal));
    case "azure":
      return text(decoded(text(await client.ask(AZURE_REQUEST, signal))));
    case "gcp":
      return text(await client.ask(GCP_REQUEST, signal));
  }
}

const AZURE_REQUEST = {
  method: "GET",
  path: "/metadata/instance/compute/userData?api-version=2021-01-01&format=text",
  maxBytes: 2 * MAX_BYTES,
} as const;

const GCP_REQUEST = {
  method: "GET",
  path: "/computeMetadata/v1/instance/attributes/constellation-metadata",
  headers: { "Metadata-Flavor": "Google" },
  maxBytes: MAX_BYTES,
} as const;

/** Version 2 of AWS's service answers who shows a token only. */
async function awsUserData(client: MetadataClient, signal: AbortSignal): Promise<Uint8Array> {
  const path = "/latest/api/token";
  const lifetime = { "X-aws-ec2-metadata-token-ttl-seconds": "60" };
  const token = await client.ask({ method: "PUT", path, headers: lifetime, maxBytes: AWS_TOKEN_BYTES }, signal);
  const headers = { "X-aws-ec2-metadata-token": text(token) };
  return await client.ask({ method: "GET", path: "/latest/user-data", headers, maxBytes: MAX_BYTES }, signal);
}

function text(bytes: Uint8Array): string {
  return reading("text in UTF-8", () => fromUtf8(bytes));
}

function decoded(base64: string): Uint8Array {
  return reading("base64", () => fromBase64(base64.trim()));
}

function reading<T>(wanted: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const message = `Read user data failed: got something else, wanted ${wanted}`;
    throw new EvidenceSourceError("metadata_malformed", message, { cause });
  }
}
