import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteBucketTaggingCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  DeleteObjectTaggingCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  type GetObjectCommandOutput,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
  type S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import type { PlainClient } from "./sdk.ts";

/** A place where a behaviour is tried: the store itself or the proxy before it, with an empty bucket. */
export interface Place {
  readonly s3: S3Client;
  readonly plain: PlainClient;
  readonly bucket: string;
}

/** One thing that an application may do, and what it sees of it: equal wherever it is tried. */
export interface Behaviour {
  readonly name: string;
  readonly run: (place: Place) => Promise<unknown>;
}

const PART = 5_242_880;
const SMALL = content(1_000);
const MEDIUM = content(200_000);

/** Text of a length that can be told from any other. */
function content(bytes: number, seed = 1): Buffer {
  const out = Buffer.alloc(bytes);
  for (let at = 0; at + 4 <= bytes; at += 4) out.writeUInt32LE(Math.imul(at + seed, 2_654_435_761) >>> 0, at);
  return out;
}

/** What applications do. Fields that may differ by documentation (ETags, dates, checksums, IDs) are not among what is returned. */
export const BEHAVIOURS: readonly Behaviour[] = [
  ...[0, 1, 65_535, 65_536, 65_537, 1_048_576].map((size) => ({
    name: `puts and gets ${size} bytes`,
    run: async (place: Place) => {
      await put(place, "key", content(size));
      return await get(place, "key");
    },
  })),
  ...[
    "bytes=0-0",
    "bytes=10-19",
    "bytes=65530-65545",
    "bytes=199999-",
    "bytes=-7",
    "bytes=5-1000000",
    "bytes=-300000",
  ].map((Range) => ({
    name: `gets ${Range}`,
    run: async (place: Place) => {
      await put(place, "key", MEDIUM);
      return await get(place, "key", { Range });
    },
  })),
  ...["bytes=200000-", "bytes=300000-300001"].map((Range) => ({
    name: `refuses ${Range} of 200000`,
    run: async (place: Place) => {
      await put(place, "key", MEDIUM);
      return await failure(get(place, "key", { Range }));
    },
  })),
  {
    name: "heads an object",
    run: async (place) => {
      await put(place, "key", MEDIUM, { ContentType: "text/x", Metadata: { a: "b", long: "c".repeat(1_000) } });
      return await head(place, "key");
    },
  },
  {
    name: "keeps headers and metadata",
    run: async (place) => {
      await put(place, "key", SMALL, {
        CacheControl: "max-age=1",
        ContentDisposition: "inline",
        ContentEncoding: "gzip",
        ContentLanguage: "de",
        ContentType: "application/x",
        Metadata: { one: "1", two: "zwei" },
      });
      return await get(place, "key");
    },
  },
  {
    name: "lets a query say how to answer",
    run: async (place) => {
      await put(place, "key", SMALL, { ContentType: "a/b" });
      return await get(place, "key", { ResponseContentType: "c/d", ResponseContentDisposition: "attachment" });
    },
  },
  { name: "does not find a missing object", run: (place) => failure(get(place, "missing")) },
  { name: "does not find a missing object by HEAD", run: (place) => failure(head(place, "missing")) },
  {
    name: "does not find a missing bucket",
    run: (place) => failure(get({ ...place, bucket: "no-such-bucket-here" }, "key")),
  },
  {
    name: "overwrites",
    run: async (place) => {
      await put(place, "key", MEDIUM);
      await put(place, "key", SMALL);
      return await get(place, "key");
    },
  },
  {
    name: "deletes, twice",
    run: async (place) => {
      await put(place, "key", SMALL);
      for (let times = 0; times < 2; times += 1)
        await place.s3.send(new DeleteObjectCommand({ Bucket: place.bucket, Key: "key" }));
      return await failure(get(place, "key"));
    },
  },
  {
    name: "deletes many",
    run: async (place) => {
      for (const key of ["a", "b", "c&d"]) await put(place, key, SMALL);
      const Objects = ["a", "c&d", "missing"].map((Key) => ({ Key }));
      const result = await place.s3.send(new DeleteObjectsCommand({ Bucket: place.bucket, Delete: { Objects } }));
      return { deleted: result.Deleted?.map(({ Key }) => Key).sort(), left: await keys(place) };
    },
  },
  ...["ä ö/ü", "a+b", "a b", "a/b/c", "dir/", "x?y#z", "quote'\"", "<&>", "%41", "~tilde!*()", "日本"].map((key) => ({
    name: `takes the key ${JSON.stringify(key)}`,
    run: async (place: Place) => {
      await put(place, key, SMALL);
      return { got: await get(place, key), listed: await keys(place) };
    },
  })),
  {
    name: "lists with sizes (version 2)",
    run: async (place) => {
      for (const [index, size] of [0, 1, 65_536, 65_537, 200_000].entries())
        await put(place, `k${index}`, content(size));
      const list = await place.s3.send(new ListObjectsV2Command({ Bucket: place.bucket }));
      return { count: list.KeyCount, contents: list.Contents?.map(({ Key, Size }) => [Key, Size]) };
    },
  },
  {
    name: "lists with sizes (version 1)",
    run: async (place) => {
      for (const size of [0, 70_000]) await put(place, `k${size}`, content(size));
      const list = await place.s3.send(new ListObjectsCommand({ Bucket: place.bucket }));
      return { truncated: list.IsTruncated, contents: list.Contents?.map(({ Key, Size }) => [Key, Size]) };
    },
  },
  {
    name: "lists by prefix and delimiter",
    run: async (place) => {
      for (const key of ["a/1", "a/2", "b/1", "c"]) await put(place, key, SMALL);
      const list = await place.s3.send(new ListObjectsV2Command({ Bucket: place.bucket, Delimiter: "/" }));
      const under = await place.s3.send(new ListObjectsV2Command({ Bucket: place.bucket, Prefix: "a/" }));
      return {
        keys: list.Contents?.map(({ Key }) => Key),
        prefixes: list.CommonPrefixes?.map(({ Prefix }) => Prefix),
        under: under.Contents?.map(({ Key, Size }) => [Key, Size]),
      };
    },
  },
  {
    name: "lists in pages",
    run: async (place) => {
      for (let index = 0; index < 7; index += 1) await put(place, `k${index}`, content(index));
      const pages: unknown[] = [];
      for (let token: string | undefined, more = true; more; ) {
        const page = await place.s3.send(
          new ListObjectsV2Command({ Bucket: place.bucket, MaxKeys: 3, ContinuationToken: token }),
        );
        pages.push(page.Contents?.map(({ Key, Size }) => [Key, Size]));
        token = page.NextContinuationToken;
        more = page.IsTruncated === true;
      }
      return pages;
    },
  },
  {
    name: "lists from a key on, with URL-encoded keys",
    run: async (place) => {
      for (const key of ["a b", "c+d", "e"]) await put(place, key, SMALL);
      const list = await place.s3.send(
        new ListObjectsV2Command({ Bucket: place.bucket, StartAfter: "a b", EncodingType: "url" }),
      );
      return list.Contents?.map(({ Key, Size }) => [Key, Size]);
    },
  },
  {
    name: "gives the same ETag in every answer",
    run: async (place) => {
      const { ETag } = await put(place, "key", SMALL);
      const got = await place.s3.send(new HeadObjectCommand({ Bucket: place.bucket, Key: "key" }));
      const list = await place.s3.send(new ListObjectsV2Command({ Bucket: place.bucket }));
      return [got.ETag === ETag, list.Contents?.[0]?.ETag === ETag];
    },
  },
  {
    name: "holds If-Match and If-None-Match",
    run: async (place) => {
      const { ETag } = await put(place, "key", SMALL);
      return [
        await get(place, "key", { IfMatch: ETag }),
        await failure(get(place, "key", { IfMatch: '"0"' })),
        await failure(get(place, "key", { IfNoneMatch: ETag })),
        await get(place, "key", { IfNoneMatch: '"0"' }),
      ];
    },
  },
  {
    name: "holds If-Modified-Since and If-Unmodified-Since",
    run: async (place) => {
      await put(place, "key", SMALL);
      const [past, future] = [new Date(0), new Date(Date.now() + 86_400_000)];
      return [
        await get(place, "key", { IfModifiedSince: past }),
        await failure(get(place, "key", { IfUnmodifiedSince: past })),
        await get(place, "key", { IfUnmodifiedSince: future }),
      ];
    },
  },
  {
    name: "puts only where nothing is",
    run: async (place) => {
      await put(place, "key", SMALL, { IfNoneMatch: "*" });
      return { again: await failure(put(place, "key", MEDIUM, { IfNoneMatch: "*" })), kept: await get(place, "key") };
    },
  },
  {
    name: "copies",
    run: async (place) => {
      await put(place, "key", MEDIUM, { ContentType: "text/x", Metadata: { a: "b" } });
      await copy(place, "key", "copy");
      return await get(place, "copy");
    },
  },
  {
    name: "copies with new metadata",
    run: async (place) => {
      await put(place, "key", MEDIUM, { ContentType: "text/x", Metadata: { a: "b" } });
      await copy(place, "key", "copy", { MetadataDirective: "REPLACE", ContentType: "text/y", Metadata: { c: "d" } });
      return await get(place, "copy");
    },
  },
  {
    name: "copies onto itself only with a change",
    run: async (place) => {
      await put(place, "key", MEDIUM, { Metadata: { a: "b" } });
      const refused = await failure(copy(place, "key", "key"));
      await copy(place, "key", "key", { MetadataDirective: "REPLACE", Metadata: { c: "d" } });
      return { refused, got: await get(place, "key") };
    },
  },
  {
    name: "copies from a key with special characters",
    run: async (place) => {
      await put(place, "ä b+c/d", MEDIUM);
      await copy(place, encodeURIComponent("ä b+c/d"), "copy");
      return await get(place, "copy");
    },
  },
  {
    name: "copies under conditions",
    run: async (place) => {
      const { ETag } = await put(place, "key", SMALL);
      await copy(place, "key", "copy", { CopySourceIfMatch: ETag });
      return [
        await get(place, "copy"),
        await failure(copy(place, "key", "other", { CopySourceIfMatch: '"0"' })),
        await failure(copy(place, "key", "other", { CopySourceIfNoneMatch: ETag })),
      ];
    },
  },
  { name: "does not copy what is missing", run: (place) => failure(copy(place, "missing", "copy")) },
  {
    name: "uploads parts in any order",
    run: async (place) => {
      const bodies = [content(PART, 1), content(PART + 100, 2), content(1_000, 3)];
      await multipart(place, "key", bodies, [2, 0, 1]);
      return await get(place, "key");
    },
  },
  {
    name: "gets ranges of a multipart object",
    run: async (place) => {
      await multipart(place, "key", [content(PART, 1), content(PART + 100, 2), content(1_000, 3)]);
      const ranges = [
        `bytes=0-9`,
        `bytes=${PART - 5}-${PART + 5}`,
        `bytes=${2 * PART}-`,
        "bytes=-1001",
        "bytes=100-10000000",
      ];
      return await Promise.all(ranges.map((Range) => get(place, "key", { Range })));
    },
  },
  {
    name: "shows the size of a multipart object in HEAD and lists",
    run: async (place) => {
      await multipart(place, "key", [content(PART), content(77)], [0, 1], {
        ContentType: "text/x",
        Metadata: { a: "b" },
      });
      const list = await place.s3.send(new ListObjectsV2Command({ Bucket: place.bucket }));
      return { head: await head(place, "key"), sizes: list.Contents?.map(({ Size }) => Size) };
    },
  },
  {
    name: "gets a part by its number",
    run: async (place) => {
      await multipart(place, "key", [content(PART, 1), content(500, 2)]);
      const got = await get(place, "key", { PartNumber: 2 });
      const { PartsCount } = await place.s3.send(
        new HeadObjectCommand({ Bucket: place.bucket, Key: "key", PartNumber: 1 }),
      );
      return { got, PartsCount };
    },
  },
  {
    name: "uploads one part, and an empty one",
    run: async (place) => {
      await multipart(place, "one", [content(10)]);
      await multipart(place, "none", [content(0)]);
      return [await get(place, "one"), await get(place, "none")];
    },
  },
  {
    name: "lists parts",
    run: async (place) => {
      const { UploadId } = await create(place, "key");
      for (const [index, size] of [PART, PART + 1, 9].entries())
        await part(place, "key", UploadId, index + 1, content(size));
      const list = await place.s3.send(new ListPartsCommand({ Bucket: place.bucket, Key: "key", UploadId }));
      const page = await place.s3.send(
        new ListPartsCommand({ Bucket: place.bucket, Key: "key", UploadId, MaxParts: 1, PartNumberMarker: "1" }),
      );
      const shown = (all: typeof list) => all.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size]);
      await abort(place, "key", UploadId);
      return { all: shown(list), page: shown(page), truncated: page.IsTruncated, next: page.NextPartNumberMarker };
    },
  },
  {
    name: "completes with what ListParts gives",
    run: async (place) => {
      const { UploadId } = await create(place, "key");
      for (const [index, size] of [PART, 9].entries()) await part(place, "key", UploadId, index + 1, content(size));
      const { Parts } = await place.s3.send(new ListPartsCommand({ Bucket: place.bucket, Key: "key", UploadId }));
      await complete(place, "key", UploadId, Parts?.map(({ PartNumber, ETag }) => ({ PartNumber, ETag })) ?? []);
      return await get(place, "key");
    },
  },
  {
    name: "takes the last upload of a part",
    run: async (place) => {
      const { UploadId } = await create(place, "key");
      await part(place, "key", UploadId, 1, content(100, 1));
      const { ETag } = await part(place, "key", UploadId, 1, content(200, 2));
      await complete(place, "key", UploadId, [{ PartNumber: 1, ETag }]);
      return await get(place, "key");
    },
  },
  {
    name: "refuses small parts, wrong order and unknown parts",
    run: async (place) => {
      const { UploadId } = await create(place, "key");
      const one = await part(place, "key", UploadId, 1, content(100));
      const two = await part(place, "key", UploadId, 2, content(100));
      const [first, second] = [
        { PartNumber: 1, ETag: one.ETag },
        { PartNumber: 2, ETag: two.ETag },
      ];
      const results = [
        await failure(complete(place, "key", UploadId, [first, second])),
        await failure(complete(place, "key", UploadId, [second, first])),
        await failure(complete(place, "key", UploadId, [{ PartNumber: 7, ETag: one.ETag }])),
      ];
      await abort(place, "key", UploadId);
      return results;
    },
  },
  {
    name: "aborts an upload",
    run: async (place) => {
      const { UploadId } = await create(place, "key");
      await part(place, "key", UploadId, 1, content(100));
      await abort(place, "key", UploadId);
      return [await failure(part(place, "key", UploadId, 2, content(1))), await failure(get(place, "key"))];
    },
  },
  {
    name: "lists uploads",
    run: async (place) => {
      const { UploadId } = await create(place, "key");
      const list = await place.s3.send(new ListMultipartUploadsCommand({ Bucket: place.bucket, Prefix: "key" }));
      await abort(place, "key", UploadId);
      return list.Uploads?.map((upload) => [upload.Key, upload.UploadId === UploadId]);
    },
  },
  {
    name: "copies ranges into parts",
    run: async (place) => {
      await put(place, "source", content(PART + 1_000, 5));
      const { UploadId } = await create(place, "key");
      const etags: (string | undefined)[] = [];
      for (const [index, range] of [`bytes=0-${PART - 1}`, "bytes=500-600"].entries()) {
        const source = { Bucket: place.bucket, Key: "key", UploadId, CopySource: `${place.bucket}/source` };
        const result = await place.s3.send(
          new UploadPartCopyCommand({ ...source, PartNumber: index + 1, CopySourceRange: range }),
        );
        etags.push(result.CopyPartResult?.ETag);
      }
      await complete(
        place,
        "key",
        UploadId,
        etags.map((ETag, index) => ({ PartNumber: index + 1, ETag })),
      );
      return await get(place, "key");
    },
  },
  {
    name: "copies a multipart object",
    run: async (place) => {
      await multipart(place, "key", [content(PART, 1), content(10, 2)], [0, 1], { Metadata: { a: "b" } });
      await copy(place, "key", "copy");
      return { got: await get(place, "copy"), head: await head(place, "copy") };
    },
  },
  {
    name: "uploads a stream of unknown length",
    run: async (place) => {
      const Body = new Blob([content(2 * PART, 1), content(12_345, 2)]).stream();
      await new Upload({ client: place.s3, params: { Bucket: place.bucket, Key: "key", Body } }).done();
      return await get(place, "key");
    },
  },
  ...(["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"] as const).map((ChecksumAlgorithm) => ({
    name: `takes a checksum by ${ChecksumAlgorithm}`,
    run: async (place: Place) => {
      await put(place, "key", MEDIUM, { ChecksumAlgorithm });
      return await get(place, "key");
    },
  })),
  {
    // The names of these errors differ between stores.
    name: "refuses a wrong checksum",
    run: async (place) => {
      const wrong = createHash("sha256").update("other").digest("base64");
      const { status } = await failure(put(place, "key", SMALL, { ChecksumSHA256: wrong }));
      const ContentMD5 = createHash("md5").update("other").digest("base64");
      return [status, await failure(put(place, "key", SMALL, { ContentMD5 })), await failure(get(place, "key"))];
    },
  },
  {
    name: "serves presigned GET, HEAD and PUT",
    run: async (place) => {
      const { s3, plain, bucket: Bucket } = place;
      await put(place, "key", MEDIUM, { ContentType: "text/x" });
      const reading = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "key" }));
      const got = await plain(reading);
      const range = await plain(reading, { headers: { range: "bytes=1-3" } });
      const heading = await getSignedUrl(s3, new HeadObjectCommand({ Bucket, Key: "key" }));
      const headed = await plain(heading, { method: "HEAD" });
      const writing = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "new", Metadata: { a: "b" } }));
      const written = await plain(writing, { method: "PUT", body: SMALL });
      return [
        [got.status, hash(got.body), got.headers["content-type"]],
        [range.status, hash(range.body), range.headers["content-range"]],
        [headed.status, headed.headers["content-length"]],
        [written.status, await get(place, "new")],
      ];
    },
  },
  {
    name: "tags objects",
    run: async (place) => {
      const at = { Bucket: place.bucket, Key: "key" };
      await put(place, "key", SMALL, { Tagging: "a=b&c=d%20e" });
      const first = await place.s3.send(new GetObjectTaggingCommand(at));
      await place.s3.send(new PutObjectTaggingCommand({ ...at, Tagging: { TagSet: [{ Key: "x", Value: "y" }] } }));
      const second = await place.s3.send(new GetObjectTaggingCommand(at));
      await place.s3.send(new DeleteObjectTaggingCommand(at));
      const third = await place.s3.send(new GetObjectTaggingCommand(at));
      return [sorted(first.TagSet), sorted(second.TagSet), sorted(third.TagSet), await get(place, "key")];
    },
  },
  {
    name: "copies tags, of multipart objects too",
    run: async (place) => {
      await put(place, "one", SMALL, { Tagging: "a=b" });
      await multipart(place, "two", [content(PART, 1), content(3, 2)], [0, 1], { Tagging: "c=d" });
      await copy(place, "one", "copy1");
      await copy(place, "two", "copy2");
      await copy(place, "two", "copy3", { TaggingDirective: "REPLACE", Tagging: "e=f" });
      const tags = await Promise.all(
        ["copy1", "copy2", "copy3"].map((Key) =>
          place.s3.send(new GetObjectTaggingCommand({ Bucket: place.bucket, Key })),
        ),
      );
      return tags.map(({ TagSet }) => sorted(TagSet));
    },
  },
  {
    name: "gives attributes",
    run: async (place) => {
      await put(place, "key", MEDIUM);
      const { ObjectSize } = await place.s3.send(
        new GetObjectAttributesCommand({
          Bucket: place.bucket,
          Key: "key",
          ObjectAttributes: ["ObjectSize"],
        }),
      );
      return ObjectSize;
    },
  },
  {
    name: "keeps versions",
    run: async (place) => {
      await versioned(place);
      const { VersionId: first } = await put(place, "key", content(10, 1));
      const { VersionId: second } = await put(place, "key", content(200_000, 2));
      const versions = await place.s3.send(new ListObjectVersionsCommand({ Bucket: place.bucket }));
      return [
        await get(place, "key", { VersionId: first }),
        await get(place, "key", { VersionId: second, Range: "bytes=100000-100009" }),
        await get(place, "key"),
        versions.Versions?.map(({ Key, Size, IsLatest }) => [Key, Size, IsLatest]),
      ];
    },
  },
  {
    name: "deletes versions and leaves markers",
    run: async (place) => {
      await versioned(place);
      const { VersionId } = await put(place, "key", content(10, 1));
      const marker = await place.s3.send(new DeleteObjectCommand({ Bucket: place.bucket, Key: "key" }));
      const gone = await failure(get(place, "key"));
      const got = await get(place, "key", { VersionId });
      await place.s3.send(new DeleteObjectCommand({ Bucket: place.bucket, Key: "key", VersionId: marker.VersionId }));
      return [marker.DeleteMarker, gone, got, await get(place, "key")];
    },
  },
  {
    name: "copies an earlier version",
    run: async (place) => {
      await versioned(place);
      const { VersionId } = await put(place, "key", content(10, 1));
      await put(place, "key", content(20, 2));
      const CopySource = `${place.bucket}/key?versionId=${VersionId}`;
      await place.s3.send(new CopyObjectCommand({ Bucket: place.bucket, Key: "copy", CopySource }));
      return await get(place, "copy");
    },
  },
  {
    name: "heads and locates the bucket",
    run: async ({ s3, bucket }) => {
      const headed = await s3.send(new HeadBucketCommand({ Bucket: bucket }));
      const location = await s3.send(new GetBucketLocationCommand({ Bucket: bucket }));
      return [headed.$metadata.httpStatusCode, location.LocationConstraint];
    },
  },
  {
    name: "lists buckets",
    run: async ({ s3, bucket }) =>
      (await s3.send(new ListBucketsCommand({}))).Buckets?.some(({ Name }) => Name === bucket),
  },
  {
    name: "tags buckets",
    run: async ({ s3, bucket: Bucket }) => {
      await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet: [{ Key: "a", Value: "b" }] } }));
      const { TagSet } = await s3.send(new GetBucketTaggingCommand({ Bucket }));
      await s3.send(new DeleteBucketTaggingCommand({ Bucket }));
      return [TagSet, await failure(s3.send(new GetBucketTaggingCommand({ Bucket })))];
    },
  },
  { name: "has no policy", run: ({ s3, bucket }) => failure(s3.send(new GetBucketPolicyCommand({ Bucket: bucket }))) },
  {
    name: "says whether versions are kept",
    run: async (place) => {
      const before = await place.s3.send(new GetBucketVersioningCommand({ Bucket: place.bucket }));
      await versioned(place);
      const after = await place.s3.send(new GetBucketVersioningCommand({ Bucket: place.bucket }));
      return [before.Status, after.Status];
    },
  },
  {
    name: "takes many objects at a time",
    run: async (place) => {
      const names = Array.from({ length: 20 }, (_, index) => `k${index}`);
      await Promise.all(names.map((key, index) => put(place, key, content(index * 10_000, index))));
      return await Promise.all(names.map((key) => get(place, key)));
    },
  },
];

function put({ s3, bucket }: Place, Key: string, Body: Uint8Array, more: Partial<PutObjectCommandInput> = {}) {
  return s3.send(new PutObjectCommand({ Bucket: bucket, Key, Body, ...more }));
}

async function get({ s3, bucket }: Place, Key: string, more: Partial<GetObjectCommandInput> = {}) {
  const got = await s3.send(new GetObjectCommand({ Bucket: bucket, Key, ...more }));
  return { ...described(got), body: hash((await got.Body?.transformToByteArray()) ?? new Uint8Array()) };
}

async function head({ s3, bucket }: Place, Key: string) {
  return described(await s3.send(new HeadObjectCommand({ Bucket: bucket, Key })));
}

function described(got: Omit<GetObjectCommandOutput, "Body">) {
  const { ContentLength, ContentRange, ContentType, ContentEncoding, ContentDisposition, ContentLanguage } = got;
  const { CacheControl, AcceptRanges, Metadata, $metadata } = got;
  return {
    ContentLength,
    ContentRange,
    ContentType,
    ContentEncoding,
    ContentDisposition,
    ContentLanguage,
    CacheControl,
    AcceptRanges,
    Metadata,
    status: $metadata.httpStatusCode,
  };
}

function copy({ s3, bucket }: Place, from: string, Key: string, more: object = {}) {
  return s3.send(new CopyObjectCommand({ Bucket: bucket, Key, CopySource: `${bucket}/${from}`, ...more }));
}

function create({ s3, bucket }: Place, Key: string, more: object = {}) {
  return s3.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key, ...more }));
}

function part({ s3, bucket }: Place, Key: string, UploadId: string | undefined, PartNumber: number, Body: Uint8Array) {
  return s3.send(new UploadPartCommand({ Bucket: bucket, Key, UploadId, PartNumber, Body }));
}

function complete(
  { s3, bucket }: Place,
  Key: string,
  UploadId: string | undefined,
  Parts: readonly { readonly PartNumber: number | undefined; readonly ETag: string | undefined }[],
) {
  const MultipartUpload = { Parts: [...Parts] };
  return s3.send(new CompleteMultipartUploadCommand({ Bucket: bucket, Key, UploadId, MultipartUpload }));
}

function abort({ s3, bucket }: Place, Key: string, UploadId: string | undefined) {
  return s3.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
}

async function multipart(
  place: Place,
  key: string,
  bodies: readonly Uint8Array[],
  order: readonly number[] = bodies.map((_, index) => index),
  more: object = {},
): Promise<void> {
  const { UploadId } = await create(place, key, more);
  const etags: (string | undefined)[] = [];
  for (const index of order) etags[index] = (await part(place, key, UploadId, index + 1, bodies[index]!)).ETag;
  await complete(
    place,
    key,
    UploadId,
    etags.map((ETag, index) => ({ PartNumber: index + 1, ETag })),
  );
}

async function keys({ s3, bucket }: Place) {
  const list = await s3.send(new ListObjectsV2Command({ Bucket: bucket }));
  return list.Contents?.map(({ Key, Size }) => [Key, Size]);
}

function versioned({ s3, bucket }: Place) {
  const VersioningConfiguration = { Status: "Enabled" } as const;
  return s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
}

/** Name and status of the error that something must end with. */
async function failure(
  doing: Promise<unknown>,
): Promise<{ readonly name: string; readonly status: number | undefined }> {
  try {
    await doing;
  } catch (error) {
    const { name, $metadata } = error as { name: string; $metadata?: { httpStatusCode?: number } };
    return { name, status: $metadata?.httpStatusCode };
  }
  return { name: "no failure", status: undefined };
}

function sorted(
  tags: readonly { readonly Key?: string | undefined; readonly Value?: string | undefined }[] | undefined,
) {
  return tags?.map(({ Key, Value }) => `${Key}=${Value}`).sort();
}

function hash(bytes: Uint8Array): string {
  return `${bytes.length} bytes ${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}`;
}
