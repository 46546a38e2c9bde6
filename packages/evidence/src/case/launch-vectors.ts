import {
  bytes,
  type Field,
  findingsText,
  isObject,
  list,
  oneOf,
  Reader,
  shown,
  text,
  whole,
} from "@constellation/fields";
import { JsonError, parseStrictJsonObject } from "@constellation/json";
import { hashDirectBoot, type LaunchInput, type VcpuModel, vcpuModelSignature } from "@constellation/sev-snp";
import { EvidenceError } from "../error.ts";
import type { LaunchPrediction } from "../launch-digest.ts";

/** CPU models by the names of the files. */
const MODELS: Readonly<Record<string, VcpuModel>> = {
  Epyc: "EPYC",
  EpycV1: "EPYC",
  EpycV2: "EPYC",
  EpycV3: "EPYC",
  EpycV4: "EPYC",
  EpycIBPB: "EPYC",
  EpycRome: "EPYC-Rome",
  EpycRomeV1: "EPYC-Rome",
  EpycRomeV2: "EPYC-Rome",
  EpycRomeV3: "EPYC-Rome",
  EpycMilan: "EPYC-Milan",
  EpycMilanV1: "EPYC-Milan",
  EpycMilanV2: "EPYC-Milan",
  EpycGenoa: "EPYC-Genoa",
  EpycGenoaV1: "EPYC-Genoa",
  EpycGenoaV2: "EPYC-Genoa",
  EpycTurin: "EPYC-Turin",
  EpycTurinV1: "EPYC-Turin",
};

const NAME = text(/^(?!\.)[\w.-]{1,128}$/, "a name");
const FEATURES = text(/^0x[0-9a-f]{1,16}$/, '"0x" and up to 16 lower-case hex digits');
const CMDLINE = text(/^[^\0]{0,4096}$/, "a command line");
/** Each takes time to predict. */
const MAX_VECTORS = 256;
const NOTHING = new Uint8Array();

/**
 * Reads a file of launch digests: guests that are not launched yet, and what their MEASUREMENT is to be. `named` gives
 * the firmware images that it names.
 * @throws EvidenceError `file_malformed`
 */
export function parseLaunchVectors(json: Uint8Array, named: (name: string) => Uint8Array): LaunchPrediction[] {
  const reader = new Reader();
  const vectors = list(anyValue).read(reader, "vectors", documentOf(json)["vectors"]);
  if (vectors.length > MAX_VECTORS) reader.add("vectors", `a list of ${vectors.length}`, `${MAX_VECTORS} or fewer`);
  const few = vectors.slice(0, MAX_VECTORS);
  const read = few.map((value, index) => readVector(reader, `vectors.${index}`, value));
  const { findings } = reader;
  if (findings.length > 0) {
    throw new EvidenceError("file_malformed", `Read launch digests failed: ${findingsText("file", findings)}`, {
      findings,
    });
  }
  return read.map(({ firmwareFile, input, ...others }) => ({
    ...others,
    input: { ...input, firmware: named(firmwareFile) },
  }));
}

const anyValue: Field<unknown> = { read: (_reader, _path, value) => value, write: () => null };

function documentOf(json: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return parseStrictJsonObject(json);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new EvidenceError("file_malformed", `Read launch digests failed: ${cause.message}`, { cause });
  }
}

type Vector = Omit<LaunchPrediction, "input"> & {
  readonly firmwareFile: string;
  readonly input: Omit<LaunchInput, "firmware">;
};

function readVector(reader: Reader, path: string, value: unknown): Vector {
  const members = isObject(value) ? value : {};
  if (!isObject(value)) reader.add(path, shown(value), "an object");
  const member = <T>(name: string, field: Field<T>): T => field.read(reader, `${path}.${name}`, members[name]);
  const optional = <T>(name: string, field: Field<T>): T | undefined =>
    members[name] === undefined || members[name] === null ? undefined : member(name, field);
  const kernel = optional("kernel", oneOf(["empty file"]));
  const initrd = optional("initrd", oneOf(["empty file"]));
  const cmdline = optional("append", CMDLINE) ?? "";
  const firmwareDigest = optional("ovmf_hash", bytes(48));
  const hasKernel = kernel !== undefined || initrd !== undefined;
  return {
    name: member("name", NAME),
    firmwareFile: member("ovmf_file", NAME),
    expected:
      member("expect", oneOf(["pass", "fail"])) === "fail" ? "refused" : member("expected_launch_digest", bytes(48)),
    input: {
      vmm: member("vmm_type", oneOf(["QEMU", "EC2"])) === "EC2" ? { kind: "ec2" } : { kind: "qemu" },
      vcpus: member("vcpus", whole(1, 4096)),
      vcpuSignature: vcpuModelSignature(MODELS[member("vcpu_type", oneOf(Object.keys(MODELS)))] as VcpuModel),
      guestFeatures: BigInt(member("guest_features", FEATURES) || "0"),
      kernelHashes: hasKernel ? hashDirectBoot({ kernel: NOTHING, initrd: NOTHING, cmdline }) : "none",
      ...(firmwareDigest && { firmwareDigest }),
    },
  };
}
