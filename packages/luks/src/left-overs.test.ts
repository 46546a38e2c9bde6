import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Exec } from "@constellation/exec";
import { type LeftOvers, removeLeftOvers } from "./left-overs.ts";

const { signal } = new AbortController();
const ROOT = "root/1/254:3,254:2";
const TEMPORARY = "temporary-cryptsetup-b38d5829-2eb4-409e-a442-37ec6f5043ae";

interface Told {
  readonly of?: Partial<LeftOvers>;
  /** By the tables that are not live. */
  readonly inactive?: readonly string[];
}

/** What is removed, in order, where dmsetup tells of these mappings. */
async function removed(lines: readonly string[], { of = {}, inactive = [] }: Told = {}): Promise<string[]> {
  const names: string[] = [];
  const exec: Exec = async ({ program, args, acceptedExitCodes }) => {
    assert.equal(program, "dmsetup");
    if (args[0] === "remove") {
      assert.equal(acceptedExitCodes, undefined, "what is in use is an error");
      names.push(args.at(-1) ?? "");
      return { exitCode: 0, stdout: "", stderr: "" };
    }
    assert.deepEqual(acceptedExitCodes, [1]);
    const told = args.includes("--inactive") ? inactive : lines;
    return { exitCode: 0, stdout: `${told.join("\n")}\n`, stderr: "" };
  };
  await removeLeftOvers(exec, { name: "volume", unformatted: ["7:0"], ...of }, signal);
  return names;
}

describe("removeLeftOvers()", () => {
  test("takes away a mapping whose table is not live, and then the integrity below it", async () => {
    assert.deepEqual(await removed([ROOT, "volume/0/"]), ["volume"]);
    assert.deepEqual(await removed(["volume/0/"], { of: { unformatted: [] } }), ["volume"]);
    assert.deepEqual(await removed(["volume_dif/1/7:0"]), ["volume_dif"]);
    assert.deepEqual(await removed(["volume_dif/1/7:0", "volume/0/"]), ["volume", "volume_dif"]);
  });

  test("leaves a mapping that is complete, and what is below it", async () => {
    assert.deepEqual(await removed([ROOT, "volume_dif/1/7:0", "volume/1/253:1"]), []);
  });

  test("leaves what is of others", async () => {
    assert.deepEqual(await removed(["volume2/0/", "volume2_dif/1/7:0", "volume:0:/1/7:0"]), []);
  });

  test("takes away what formatting made over the device, over any, or over none", async () => {
    const devices = ["1/7:0", "1/7:01,8:0", "1/8:16,7:0", "0/"];
    const lines = devices.map((device, index) => `${TEMPORARY}${index}/${device}`);
    assert.deepEqual(await removed(lines), [`${TEMPORARY}0`, `${TEMPORARY}2`]);
    assert.deepEqual(await removed(lines, { of: { unformatted: [] } }), []);
    const all = [0, 1, 2, 3].map((index) => `${TEMPORARY}${index}`);
    assert.deepEqual(await removed(lines, { of: { unformatted: "any" } }), all);
  });

  test("takes away what formatting was about to make over the device, which its inactive table tells", async () => {
    const lines = [ROOT, `${TEMPORARY}0/0/`, `${TEMPORARY}1/0/`];
    const inactive = ["root/0/", `${TEMPORARY}0/1/7:0`, `${TEMPORARY}1/1/8:0`];
    assert.deepEqual(await removed(lines, { inactive }), [`${TEMPORARY}0`]);
    assert.deepEqual(await removed(lines, { inactive, of: { unformatted: [] } }), []);
  });

  test("finds nothing where there are no mappings", async () => {
    assert.deepEqual(await removed(["No devices found"]), []);
    assert.deepEqual(await removed([]), []);
  });

  test("takes a list that could not be made for no list", async () => {
    const exec: Exec = async ({ args }) => {
      assert.notEqual(args[0], "remove");
      return { exitCode: 1, stdout: "", stderr: "/dev/mapper/control: open failed: Permission denied\n" };
    };
    await assert.rejects(removeLeftOvers(exec, { name: "volume", unformatted: "any" }, signal), /Permission denied/);
  });

  test("goes by the list where a mapping of others went meanwhile", async () => {
    const names: string[] = [];
    const exec: Exec = async ({ args }) => {
      if (args[0] === "remove") names.push(args.at(-1) ?? "");
      return { exitCode: args[0] === "remove" ? 0 : 1, stdout: "volume/0/\n", stderr: "Device does not exist.\n" };
    };
    await removeLeftOvers(exec, { name: "volume", unformatted: [] }, signal);
    assert.deepEqual(names, ["volume"]);
  });
});
