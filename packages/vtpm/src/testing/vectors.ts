import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fromHex } from "@constellation/bytes";
import { type Certificate, parseCertificate, pemToDer } from "@constellation/x509";

const VECTORS = process.env["CONSTELLATION_VECTORS"] ?? resolve(import.meta.dirname, "../../../../../shared/vectors");

/** A case.json, as far as the tests of this package need it. */
export interface Case {
  readonly id: string;
  readonly kind: string;
  readonly verify_time: string;
  readonly files: Readonly<Record<string, string>>;
  readonly roots: readonly string[];
  readonly policy: { readonly nonce?: string; readonly usage?: "sign" | "enc" };
  readonly expect: "pass" | "fail";
  readonly reason_code?: string;
  readonly banks?: readonly string[];
}

/** All cases of a kind in a folder of the vectors; a missing folder is an error. */
export function casesOf(folder: string, kind: string): Case[] {
  const names = readdirSync(join(VECTORS, folder));
  return names
    .map((name) => JSON.parse(readFileSync(join(VECTORS, folder, name, "case.json"), "utf8")) as Case)
    .filter((candidate) => candidate.kind === kind);
}

export function fileOf({ id, files }: Case, role: string): Uint8Array {
  const name = files[role];
  if (name === undefined) throw new Error(`${id} has no ${role}`);
  return new Uint8Array(readFileSync(join(VECTORS, id, name)));
}

/** The certificates of a PEM file, DER. */
export function certificatesOf(subject: Case, role: string): Uint8Array[] {
  return pemBlocks(Buffer.from(fileOf(subject, role)).toString("latin1")).map(pemToDer);
}

export function rootsOf({ roots }: Case): Certificate[] {
  return roots.flatMap((path) => {
    const blocks = pemBlocks(readFileSync(join(VECTORS, path), "latin1"));
    return blocks.map((pem) => parseCertificate(pemToDer(pem)));
  });
}

/** PCR values by bank and index. */
export function pcrsOf(subject: Case): Map<string, Map<number, Uint8Array>> {
  const banks = JSON.parse(Buffer.from(fileOf(subject, "pcrs")).toString("utf8")) as Record<string, object>;
  return new Map(
    Object.entries(banks).map(([bank, values]) => {
      return [bank, new Map(Object.entries(values).map(([index, value]) => [Number(index), fromHex(value as string)]))];
    }),
  );
}

function pemBlocks(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
