import { base64, fromBase64 } from "@constellation/bytes";
import { KEY_LENGTH_BYTES, Keyring, type KeyGeneration, MasterSecret, MAX_GENERATION } from "@constellation/keys";
import { MASTER_SECRET_FILE } from "./constants.ts";
import { ConfigError } from "./errors.ts";
import type { Finding } from "./finding.ts";

/** Root of a cluster's key hierarchy with the salt that belongs to it, and what it was rotated to since. */
export interface MasterSecretFile {
  readonly masterSecret: MasterSecret;
  readonly salt: Uint8Array;
  /** Generations from the second on, ascending; without those that were removed. */
  readonly rotated: readonly KeyGeneration[];
}

type Document = Readonly<Record<string, unknown>>;

const FIELDS = ["key", "salt"];
const OPTIONAL_FIELD = "rotated";
const ROTATED_FIELDS = ["generation", "key", "salt"];

/**
 * Parses `constellation-mastersecret.json`: `{"key": <base64>, "salt": <base64>}`, 32 bytes each, and once the master
 * secret was rotated `"rotated": [{"generation": 2, "key": <base64>, "salt": <base64>}, ...]`. Generation 1 is the
 * first pair; a removed generation keeps its place with empty texts, so that a lost one is not taken for it.
 *
 * @throws ConfigError `syntax` or `invalid-fields`; the message never shows what the file holds
 */
export function parseMasterSecret(json: string, name: string = MASTER_SECRET_FILE): MasterSecretFile {
  const document = parseObject(json, name);
  const findings: Finding[] = [];
  refuseOtherFields(document, [...FIELDS, OPTIONAL_FIELD], "", findings);
  const key = bytesField(document, "key", "", findings);
  const salt = bytesField(document, "salt", "", findings);
  const rotated = rotatedField(document, findings);
  if (key === undefined || salt === undefined || findings.length > 0) {
    throw new ConfigError("invalid-fields", `Read ${name} failed: fields are wrong`, { findings, hint: HINT });
  }
  return { masterSecret: new MasterSecret(key), salt, rotated };
}

/** Writes the master secret file. The text is secret: only a file that nobody else can read may hold it. */
export function serializeMasterSecret(file: MasterSecretFile): string {
  const current = keyringOf(file).current;
  const rotated = Array.from({ length: current - 1 }, (_, index) => {
    const generation = index + 2;
    const found = file.rotated.find((entry) => entry.generation === generation);
    if (found === undefined) return { generation, key: "", salt: "" };
    return { generation, key: base64(found.master.reveal()), salt: base64(found.salt) };
  });
  const first = { key: base64(file.masterSecret.reveal()), salt: base64(file.salt) };
  return `${JSON.stringify(rotated.length === 0 ? first : { ...first, rotated })}\n`;
}

/** The keyring that the file holds. */
export function keyringOf({ masterSecret, salt, rotated }: MasterSecretFile): Keyring {
  return new Keyring([{ generation: 1, master: masterSecret, salt }, ...rotated]);
}

const HINT = "bring the file back from your backup; without it the cluster's disks can't be recovered";

function parseObject(json: string, name: string): Document {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // The parser's message quotes the text, which is secret: it does not become the cause.
    throw new ConfigError("syntax", `Read ${name} failed: it is not JSON`, { hint: HINT });
  }
  if (isObject(value)) return value;
  throw new ConfigError("syntax", `Read ${name} failed: it is not a JSON object`, { hint: HINT });
}

function isObject(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function rotatedField(document: Document, findings: Finding[]): KeyGeneration[] {
  const list = document[OPTIONAL_FIELD];
  if (list === undefined) return [];
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_GENERATION - 1) {
    findings.push({
      path: OPTIONAL_FIELD,
      got: "[secret]",
      wanted: `a list of 1 to ${MAX_GENERATION - 1} generations`,
    });
    return [];
  }
  return list.flatMap((value: unknown, index) => {
    const at = `${OPTIONAL_FIELD}[${index}]`;
    const isLast = index === list.length - 1;
    return generationField(value, { at, generation: index + 2, isLast }, findings);
  });
}

/** One generation; none for one that was removed. Generations are in order and without gaps. */
function generationField(
  value: unknown,
  { at, generation, isLast }: { at: string; generation: number; isLast: boolean },
  findings: Finding[],
): KeyGeneration[] {
  if (!isObject(value)) {
    findings.push({ path: at, got: "another type", wanted: "an object" });
    return [];
  }
  refuseOtherFields(value, ROTATED_FIELDS, `${at}.`, findings);
  if (value["generation"] !== generation) {
    findings.push({ path: `${at}.generation`, got: "another value", wanted: String(generation) });
  }
  if (!isLast && value["key"] === "" && value["salt"] === "") return [];
  const key = bytesField(value, "key", `${at}.`, findings);
  const salt = bytesField(value, "salt", `${at}.`, findings);
  return key === undefined || salt === undefined ? [] : [{ generation, master: new MasterSecret(key), salt }];
}

function refuseOtherFields(document: Document, fields: readonly string[], at: string, findings: Finding[]): void {
  const wanted = `no field of this name (fields here: ${fields.join(", ")})`;
  const others = Object.keys(document).filter((field) => !fields.includes(field));
  findings.push(...others.map((field) => ({ path: `${at}${field}`, got: "[secret]", wanted })));
}

function bytesField(document: Document, field: string, at: string, findings: Finding[]): Uint8Array | undefined {
  const wanted = `${KEY_LENGTH_BYTES} bytes in base64`;
  const path = `${at}${field}`;
  const value = document[field];
  if (typeof value !== "string") {
    findings.push({ path, got: value === undefined ? "nothing" : "another type", wanted });
    return undefined;
  }
  const bytes = decode(value);
  if (bytes?.length === KEY_LENGTH_BYTES) return bytes;
  findings.push({ path, got: bytes === undefined ? "text that is not base64" : `${bytes.length} bytes`, wanted });
  return undefined;
}

function decode(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text);
  } catch {
    return undefined;
  }
}
