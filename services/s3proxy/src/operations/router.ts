import { S3Error, s3Errors } from "../http/s3-error.ts";
import { getObjectAttributes } from "./attributes.ts";
import type { Answer, Call, ObjectCall, Parts } from "./call.ts";
import { copyObject, uploadPartCopy } from "./copy-object.ts";
import { getObject, headObject, READ_PARAMETERS } from "./get-object.ts";
import { LIST_PARAMETERS, listObjects } from "./list-objects.ts";
import { listParts } from "./list-parts.ts";
import { completeMultipartUpload, createMultipartUpload, uploadPart } from "./multipart.ts";
import { createBucket, passThrough } from "./pass-through.ts";
import { patiently } from "./patience.ts";
import { putObject } from "./put-object.ts";

/** An operation, and the query parameters that its requests may have. */
interface Route {
  readonly operation: string;
  readonly parameters: readonly string[];
  run(call: Call, parts: Parts): Promise<Answer>;
}

/** Settings of buckets and objects that hold no content. All others are refused: they could write or read plaintext. */
const BUCKET_SETTINGS = [
  "accelerate",
  "acl",
  "analytics",
  "cors",
  "encryption",
  "intelligent-tiering",
  "inventory",
  "lifecycle",
  "location",
  "logging",
  "metrics",
  "notification",
  "object-lock",
  "ownershipControls",
  "policy",
  "policyStatus",
  "publicAccessBlock",
  "replication",
  "requestPayment",
  "tagging",
  "versioning",
  "website",
];
const OBJECT_SETTINGS = ["acl", "tagging", "retention", "legal-hold"];
const UPLOAD_LIST_PARAMETERS = [
  "delimiter",
  "encoding-type",
  "key-marker",
  "max-uploads",
  "prefix",
  "upload-id-marker",
  "uploads",
];
const BUCKET_LIST_PARAMETERS = ["bucket-region", "continuation-token", "max-buckets", "prefix"];

/** Finds the operation of a request. @throws S3Error `NotImplemented` for what is not known to be harmless */
export function route(call: Call): Route {
  const found = routeOf(call);
  const unknown = [...call.query.keys()].find((name) => name !== "x-id" && !found.parameters.includes(name));
  if (unknown === undefined) return found;
  throw s3Errors.notImplemented(`Query parameter ${JSON.stringify(unknown.slice(0, 64))} of ${found.operation}`);
}

function routeOf(call: Call): Route {
  if (call.bucket === undefined) return serviceRoute(call);
  return call.key === undefined ? bucketRoute(call) : objectRoute(call);
}

function serviceRoute({ method }: Call): Route {
  if (method === "GET") return passed("ListBuckets", BUCKET_LIST_PARAMETERS);
  throw notAllowed();
}

function bucketRoute(call: Call): Route {
  const { method, query } = call;
  if (method === "POST" && query.has("delete")) return passed("DeleteObjects", ["delete"]);
  if (method === "GET" && query.has("uploads")) return passed("ListMultipartUploads", UPLOAD_LIST_PARAMETERS);
  const setting = BUCKET_SETTINGS.find((name) => query.has(name));
  if (setting !== undefined && method !== "POST")
    return passed(`Bucket ${setting}`, [setting, "id", "continuation-token"]);
  switch (method) {
    case "GET":
      return { operation: "ListObjects", parameters: LIST_PARAMETERS, run: listObjects };
    case "HEAD":
      return passed("HeadBucket", []);
    case "PUT":
      return { operation: "CreateBucket", parameters: [], run: createBucket };
    case "DELETE":
      return passed("DeleteBucket", []);
    case "POST":
      throw s3Errors.notImplemented("POST of an object by a form");
    default:
      throw notAllowed();
  }
}

function objectRoute(call: Call): Route {
  const { method, query } = call;
  const setting = OBJECT_SETTINGS.find((name) => query.has(name));
  if (setting !== undefined && method !== "POST") return passed(`Object ${setting}`, [setting, "versionId"]);
  switch (method) {
    case "GET":
      return getRoute(query);
    case "HEAD":
      return object("HeadObject", READ_PARAMETERS, headObject);
    case "PUT":
      return putRoute(call);
    case "DELETE":
      if (query.has("uploadId")) return passed("AbortMultipartUpload", ["uploadId"]);
      return passed("DeleteObject", ["versionId"]);
    case "POST":
      return postRoute(query);
    default:
      throw notAllowed();
  }
}

function getRoute(query: Call["query"]): Route {
  if (query.has("attributes")) return object("GetObjectAttributes", ["attributes", "versionId"], getObjectAttributes);
  if (query.has("uploadId")) {
    return object("ListParts", ["uploadId", "max-parts", "part-number-marker", "encoding-type"], listParts);
  }
  return object("GetObject", READ_PARAMETERS, getObject);
}

function putRoute({ query, headers }: Call): Route {
  const copies = headers["x-amz-copy-source"] !== undefined;
  if (query.has("uploadId") || query.has("partNumber")) {
    const parameters = ["uploadId", "partNumber"];
    return copies
      ? object("UploadPartCopy", parameters, patiently(uploadPartCopy))
      : object("UploadPart", parameters, uploadPart);
  }
  return copies ? object("CopyObject", [], patiently(copyObject)) : object("PutObject", [], putObject);
}

function postRoute(query: Call["query"]): Route {
  if (query.has("uploads")) return object("CreateMultipartUpload", ["uploads"], createMultipartUpload);
  if (query.has("uploadId")) {
    return object("CompleteMultipartUpload", ["uploadId"], patiently(completeMultipartUpload));
  }
  if (query.has("restore")) return passed("RestoreObject", ["restore", "versionId"]);
  throw s3Errors.notImplemented("This POST");
}

function passed(operation: string, parameters: readonly string[]): Route {
  return { operation, parameters, run: passThrough };
}

function object(
  operation: string,
  parameters: readonly string[],
  run: (call: ObjectCall, parts: Parts) => Promise<Answer>,
): Route {
  return { operation, parameters, run: (call, parts) => run(call as ObjectCall, parts) };
}

function notAllowed(): S3Error {
  return new S3Error(405, "MethodNotAllowed", "The specified method is not allowed against this resource");
}
