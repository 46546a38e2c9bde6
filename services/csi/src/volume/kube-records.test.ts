import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KubeError, type KubeApi } from "@constellation/kube";
import { KubeRecords } from "./kube-records.ts";
import { mappingOf } from "./names.ts";

const signal = new AbortController().signal;
const UUID = "00000000-0000-4000-8000-000000000001";
const PREFIX = "csi.constellation.internal/";

interface Volume {
  metadata: { name: string; resourceVersion: string; annotations?: Record<string, string> };
  spec: object;
}

const csi = { driver: "vendor.example", volumeHandle: "vol-1" };
const volume = (name: string, spec: object = { csi }, annotations: Record<string, string> = {}): Volume => ({
  metadata: { name, resourceVersion: "7", annotations },
  spec,
});

/** An API server with these volumes and one class, "safe", whose volumes have integrity. */
function recordsOf(volumes: Volume[], patches: unknown[] = [], failure?: KubeError): KubeRecords {
  const resources = ({ plural }: { plural: string }): object => ({
    list: async () => {
      if (failure !== undefined) throw failure;
      return { items: volumes, resourceVersion: "9" };
    },
    get: async ({ name }: { name: string }) => {
      if (plural === "persistentvolumes") return volumes[0];
      if (plural !== "storageclasses" || name !== "safe") throw new KubeError("not_found", "no such class");
      return { metadata: { name, annotations: { [`${PREFIX}integrity`]: "true" } } };
    },
    patch: async (_: unknown, patch: unknown) => {
      if (failure !== undefined) throw failure;
      patches.push(patch);
      return volumes[0];
    },
  });
  return new KubeRecords({ resources } as unknown as Pick<KubeApi, "resources">);
}

const find = (records: KubeRecords) => records.find("vendor.example", "vol-1", signal);

describe("KubeRecords", () => {
  test("finds a volume by driver and volume ID", async () => {
    const others = [volume("a", { csi: { ...csi, driver: "other" } }), volume("b", { nfs: {} })];
    const annotated = volume("c", { csi }, { [`${PREFIX}luks-uuid`]: UUID });
    const record = await find(recordsOf([...others, annotated]));
    const wanted = {
      name: "c",
      resourceVersion: "7",
      uuid: UUID,
      formatting: undefined,
      generation: 1,
      integrity: false,
    };
    assert.deepEqual(record, wanted);
  });

  test("finds a volume by the name of its mapping", async () => {
    const records = recordsOf([volume("a", { csi: { ...csi, volumeHandle: "vol-2" } }), volume("b", { nfs: {} })]);
    const found = await records.findByMapping(mappingOf("vendor.example", "vol-2"), signal);
    assert.equal(found.name, "a");
    await assert.rejects(records.findByMapping(mappingOf("vendor.example", "vol-1"), signal), {
      code: "record_missing",
    });
  });

  test("knows the generation that a volume's annotation says, and of other text that it says none", async () => {
    const cases = [
      ["2", 2],
      ["12", 12],
      ["0", undefined],
      ["x", undefined],
    ] as const;
    for (const [text, wanted] of cases) {
      const annotated = volume("a", { csi }, { [`${PREFIX}generation`]: text });
      assert.equal((await find(recordsOf([annotated]))).generation, wanted);
    }
  });

  test("refuses none, and several", async () => {
    await assert.rejects(find(recordsOf([])), { code: "record_missing" });
    await assert.rejects(find(recordsOf([volume("a"), volume("b")])), { code: "record_ambiguous" });
  });

  test("refuses an annotation that is no UUID, and a flag that is none", async () => {
    await assert.rejects(find(recordsOf([volume("a", { csi }, { [`${PREFIX}luks-uuid`]: "x" })])), {
      code: "record_missing",
    });
    await assert.rejects(find(recordsOf([volume("a", { csi }, { [`${PREFIX}integrity`]: "yes" })])), {
      code: "record_missing",
    });
  });

  test("knows integrity from the volume, its attributes, or its class", async () => {
    const attributes = { csi: { ...csi, volumeAttributes: { [`${PREFIX}integrity`]: "true" } } };
    const cases: [Volume, boolean][] = [
      [volume("a", { csi }, { [`${PREFIX}integrity`]: "true" }), true],
      [volume("a", attributes), true],
      [volume("a", { csi, storageClassName: "safe" }), true],
      [volume("a", { csi, storageClassName: "safe" }, { [`${PREFIX}integrity`]: "false" }), false],
      [volume("a", { csi, storageClassName: "gone" }), false],
    ];
    for (const [one, wanted] of cases) assert.equal((await find(recordsOf([one]))).integrity, wanted);
  });

  test("writes annotations only if the volume is as it was read", async () => {
    const patches: unknown[] = [];
    const records = recordsOf([volume("a")], patches);
    const record = await find(records);
    await records.beginFormatting(record, UUID, signal);
    await records.record(record, UUID, 3, signal);
    await records.noteGeneration(record, 4, signal);
    const annotations = {
      [`${PREFIX}luks-uuid`]: UUID,
      [`${PREFIX}luks-formatting`]: null,
      [`${PREFIX}generation`]: "3",
    };
    assert.deepEqual(patches, [
      { metadata: { resourceVersion: "7", annotations: { [`${PREFIX}luks-formatting`]: UUID } } },
      { metadata: { resourceVersion: "7", annotations } },
      { metadata: { resourceVersion: "7", annotations: { [`${PREFIX}generation`]: "4" } } },
    ]);
  });

  test("writes again after a change by another of something else, and not after one of the record", async () => {
    for (const [annotations, passes] of [
      [{}, true],
      [{ [`${PREFIX}luks-uuid`]: UUID }, false],
    ] as const) {
      const versions: string[] = [];
      const changed = {
        ...volume("a", { csi }, annotations),
        metadata: { name: "a", resourceVersion: "8", annotations },
      };
      const resources = (): object => ({
        list: async () => ({ items: [volume("a")], resourceVersion: "9" }),
        get: async () => changed,
        patch: async (_: unknown, { metadata }: { metadata: { resourceVersion: string } }) => {
          versions.push(metadata.resourceVersion);
          if (metadata.resourceVersion !== "8") throw new KubeError("conflict", "changed");
          return changed;
        },
      });
      const records = new KubeRecords({ resources } as unknown as Pick<KubeApi, "resources">);
      const writing = records.beginFormatting(await find(records), UUID, signal);
      if (passes) await writing;
      else await assert.rejects(writing, { code: "record_conflict" });
      assert.deepEqual(versions, passes ? ["7", "8"] : ["7"]);
    }
  });

  test("tells a change by another from an API server that can't be reached", async () => {
    const record = await find(recordsOf([volume("a")]));
    for (const [failure, code] of [
      [new KubeError("conflict", "changed"), "record_conflict"],
      [new KubeError("unreachable", "gone"), "record_unavailable"],
    ] as const) {
      await assert.rejects(recordsOf([volume("a")], [], failure).record(record, UUID, 1, signal), { code });
    }
  });
});
