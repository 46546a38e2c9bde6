import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Certificate, isRevoked, parseCertificate, parseCrl, pemToDer, verifyCrl } from "./index.ts";
import { pemBlocks, VECTORS } from "./testing/vectors.ts";

interface Case {
  readonly verify_time: string;
  readonly files: Readonly<Record<string, string>>;
  readonly reason_code?: string;
}

interface Found {
  readonly id: string;
  readonly crl: Uint8Array;
  readonly issuer: Certificate;
  readonly now: Date;
  readonly reasonCode: string | undefined;
}

const certificates = (path: string) => pemBlocks(path).map((pem) => parseCertificate(pemToDer(pem)));

/** The CRLs of a case folder, each with the CA of the case that has its issuer's name. */
function crlsOf(folder: string): Found[] {
  const path = join(VECTORS, folder);
  const { verify_time, files, reason_code } = JSON.parse(readFileSync(join(path, "case.json"), "utf8")) as Case;
  const chains = Object.keys(files).filter((role) => role.endsWith("_chain"));
  const authorities = chains.flatMap((role) => certificates(join(path, files[role] as string)));
  const roles = Object.keys(files).filter((role) => role.endsWith("_crl"));
  return roles.map((role) => {
    const crl = new Uint8Array(readFileSync(join(path, files[role] as string)));
    const issuerName = parseCrl(crl).issuer.text;
    const issuer = authorities.find((authority) => authority.subject.text === issuerName) as Certificate;
    return { id: `${folder}/${role}`, crl, issuer, now: new Date(verify_time), reasonCode: reason_code };
  });
}

const folders = ["tdx", "azure"].flatMap((group) => readdirSync(join(VECTORS, group)).map((name) => join(group, name)));
const found = folders.flatMap(crlsOf);

/** Reasons of cases in which a CRL is at fault or its clock is. */
const AT_FAULT = new Set(["crl_signature", "collateral_expired", "cert_expired", "cert_not_yet_valid", "cert_chain"]);

test("verifyCrl() accepts the CRLs of all cases but those made to fail for it", () => {
  assert.ok(found.length > 100);
  for (const { id, crl, issuer, now, reasonCode } of found) {
    if (AT_FAULT.has(reasonCode ?? "")) continue;
    assert.doesNotThrow(() => verifyCrl(parseCrl(crl), issuer, now), id);
  }
});

test("verifyCrl() refuses the CRLs that were altered", () => {
  const altered = found.filter(({ reasonCode }) => reasonCode === "crl_signature");
  assert.ok(altered.length > 0);
  for (const folder of new Set(altered.map(({ id }) => id.slice(0, id.lastIndexOf("/"))))) {
    const verdicts = altered.filter(({ id }) => id.startsWith(`${folder}/`)).map(codeOf);
    assert.ok(verdicts.includes("crl_signature"), folder);
  }
});

function codeOf({ crl, issuer, now }: Found): string {
  try {
    verifyCrl(parseCrl(crl), issuer, now);
    return "passed";
  } catch (error) {
    return (error as { code: string }).code;
  }
}

test("isRevoked() finds the certificates that cases call revoked", () => {
  for (const folder of folders.filter((name) => name.endsWith("-revoked_fail"))) {
    const quote = certificates(join(VECTORS, folder, "quote.bin"));
    const signers = certificates(join(VECTORS, folder, "tcb_info_issuer_chain.pem"));
    const revoked = crlsOf(folder).flatMap(({ crl }) => {
      const parsed = parseCrl(crl);
      const own = [...quote, ...signers].filter(({ issuer }) => issuer.text === parsed.issuer.text);
      return own.filter((certificate) => isRevoked(parsed, certificate));
    });
    assert.equal(revoked.length > 0, !folder.includes("tcb-revoked"), folder);
  }
});
