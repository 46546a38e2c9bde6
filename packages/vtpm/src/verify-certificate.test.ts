import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, test } from "node:test";
import { parseCertificate } from "@constellation/x509";
import {
  basicConstraints,
  CERT_SIGN,
  extension,
  issue,
  issueCa,
  keyUsage,
  NOW,
  p256,
} from "@constellation/x509/testing/certificate-writer";
import { type Case, casesOf, certificatesOf, rootsOf } from "./testing/vectors.ts";
import { type TpmCertificateInput, verifyTpmCertificate } from "./index.ts";

const cases = casesOf("gcp-tpm", "gcp-ek-cert");
const find = (name: string): Case => cases.find(({ id }) => id === `gcp-tpm/${name}`) as Case;

function inputOf(subject: Case, change: Partial<TpmCertificateInput> = {}): TpmCertificateInput {
  const [certificate] = certificatesOf(subject, "certificate");
  return {
    name: "akCertificate",
    certificate: certificate as Uint8Array,
    intermediates: certificatesOf(subject, "ca_chain"),
    roots: rootsOf(subject),
    now: new Date(subject.verify_time),
    usage: "sign",
    spki: undefined,
    ...change,
  };
}

function failed(input: TpmCertificateInput): string[] {
  const { checks } = verifyTpmCertificate(input);
  return checks.flatMap((done) => (done.outcome === "fail" ? [`${done.name} ${done.code}`] : []));
}

const signing = find("ekcert-pca-ecc-sign");
const encrypting = find("ekcert-uca-rsa-enc");

describe("verifyTpmCertificate()", () => {
  test("accepts a certificate of the key under a pinned root, and gives the chain", () => {
    const { spki } = parseCertificate(inputOf(signing).certificate);
    const { checks, certificate, chain } = verifyTpmCertificate(inputOf(signing, { spki }));
    assert.deepEqual(
      checks.map(({ name, outcome }) => `${name} ${outcome}`),
      ["akCertificate.format pass", "akCertificate.chain pass", "akCertificate.usage pass", "akCertificate.key pass"],
    );
    for (const { speaksFor } of checks) assert.equal(speaksFor, "runtime-opaque.operator");
    const shown = `SPKI sha256:${createHash("sha256").update(spki).digest("hex")}`;
    assert.deepEqual([checks.at(-1)?.got, checks.at(-1)?.wanted], [shown, shown]);
    assert.equal(chain?.length, 3);
    assert.equal(chain?.[0], certificate);
  });

  test("refuses a certificate of another key", () => {
    const { spki } = parseCertificate(inputOf(encrypting).certificate);
    assert.deepEqual(failed(inputOf(signing, { spki })), ["akCertificate.key certificate_key_mismatch"]);
  });

  test("refuses a certificate for another use, and one of a CA", () => {
    assert.deepEqual(failed(inputOf(signing, { usage: "encrypt", name: "ekCertificate" })), [
      "ekCertificate.usage certificate_usage",
    ]);
    assert.deepEqual(failed(inputOf(encrypting)), ["akCertificate.usage certificate_usage"]);
    const [issuer] = certificatesOf(signing, "ca_chain");
    assert.deepEqual(failed(inputOf(signing, { certificate: issuer as Uint8Array })), [
      "akCertificate.usage certificate_usage",
    ]);
  });

  test("accepts keys for the use asked for alone, and of no CA", () => {
    const key = p256();
    const roots = [parseCertificate(issueCa("Root", "Root", key, key))];
    const judged = (usage: TpmCertificateInput["usage"], ...extensions: readonly Uint8Array[]): string[] => {
      const parts = { extensions: extensions.length > 0 ? extensions : undefined };
      const certificate = issue(p256(), key, parts);
      return failed(inputOf(signing, { certificate, intermediates: [], roots, now: NOW, usage }));
    };
    const refused = ["akCertificate.usage certificate_usage"];
    const [signs, enciphers, agrees, both] = [
      [0x80, 7],
      [0x20, 5],
      [0x08, 3],
      [0xa0, 5],
    ].map(([octet, unused]) => keyUsage(octet as number, unused as number)) as [
      Uint8Array,
      Uint8Array,
      Uint8Array,
      Uint8Array,
    ];
    assert.deepEqual(judged("sign", signs), []);
    assert.deepEqual(judged("encrypt", enciphers), []);
    assert.deepEqual(judged("encrypt", agrees), []);
    assert.deepEqual(judged("sign", enciphers), refused);
    for (const usage of ["sign", "encrypt"] as const) {
      assert.deepEqual(judged(usage), []);
      assert.deepEqual(judged(usage, both), refused);
      assert.deepEqual(judged(usage, keyUsage(0, 7)), refused);
    }
    assert.deepEqual(judged("sign", signs, basicConstraints(true)), refused);
    assert.deepEqual(judged("sign", signs, basicConstraints(false)), []);
  });

  test("gives no chain where there is none", () => {
    assert.equal("chain" in verifyTpmCertificate(inputOf(signing, { roots: [] })), false);
  });

  test("hands on a fault of the caller, which is no verdict", () => {
    assert.throws(() => failed(inputOf(signing, { certificate: undefined as unknown as Uint8Array })), TypeError);
  });

  test("refuses a pinned root that is another than the one that signed itself", () => {
    const roots = rootsOf(signing).map(({ der }) => {
      const damaged = Uint8Array.from(der);
      damaged[der.length - 1] = (der.at(-1) as number) ^ 1;
      return parseCertificate(damaged);
    });
    assert.deepEqual(failed(inputOf(signing, { roots })), ["akCertificate.chain chain_signature"]);
  });

  test("trusts a pinned root that another signed where its names and key identifiers say so, and not some alone", () => {
    const [key, otherKey] = [p256(), p256()];
    const own = extension("2.5.29.14", false, Uint8Array.of(0x04, 2, 1, 1));
    // With a serial number behind the key's identifier.
    const authority = (octet: number) =>
      extension("2.5.29.35", false, Uint8Array.of(0x30, 7, 0x80, 2, octet, octet, 0x82, 1, 9));
    const refused = ["akCertificate.chain chain_signature"];
    for (const [issuer, identifiers, wanted] of [
      ["Other", [own, authority(2)], []],
      ["Other", [own, authority(1)], refused],
      ["Root", [own, authority(2)], refused],
      ["Other", [own], refused],
      ["Other", [authority(2)], refused],
      ["Other", [], refused],
    ] as const) {
      const extensions = [basicConstraints(true), CERT_SIGN, ...identifiers];
      const roots = [parseCertificate(issueCa("Root", issuer, key, otherKey, { extensions }))];
      const input = { certificate: issue(p256(), key), roots, intermediates: [], now: NOW };
      assert.deepEqual(failed(inputOf(signing, input)), wanted);
    }
  });

  test("takes a certificate that limits its key to no usage for any, and one for several for none", () => {
    const [caKey, key] = [p256(), p256()];
    const root = parseCertificate(issueCa("Root", "Root", caKey, caKey));
    for (const [extensions, wanted] of [
      [undefined, []],
      [[keyUsage(0x80, 7)], []],
      [[keyUsage(0xa0, 5)], ["akCertificate.usage certificate_usage"]],
      [[basicConstraints(true)], ["akCertificate.usage certificate_usage"]],
    ] as const) {
      const certificate = issue(key, caKey, { extensions });
      const input = inputOf(signing, { certificate, roots: [root], intermediates: [], now: new Date("2025-06-01") });
      assert.deepEqual(failed(input), wanted);
    }
  });

  test("refuses a pinned root with any byte changed, its issuer's name too", () => {
    const [issuer] = certificatesOf(signing, "ca_chain").map(parseCertificate);
    const root = rootsOf(signing).find(({ subject }) => subject.text === issuer?.issuer.text);
    assert.ok(root !== undefined);
    let parsed = 0;
    for (let offset = 0; offset < root.der.length; offset++) {
      const der = root.der.with(offset, (root.der[offset] as number) ^ 1);
      let changed: ReturnType<typeof parseCertificate>;
      try {
        changed = parseCertificate(der);
      } catch {
        continue;
      }
      parsed += 1;
      assert.notDeepEqual(failed(inputOf(signing, { roots: [changed] })), [], `accepted a change at ${offset}`);
    }
    assert.ok(parsed > 1000);
  });

  test("trusts an issuer that is pinned and has not signed itself, beside its root or alone", () => {
    const [issuer] = certificatesOf(signing, "ca_chain").map(parseCertificate);
    assert.ok(issuer !== undefined && issuer.subject.text !== issuer.issuer.text);
    for (const roots of [[issuer], [issuer, ...rootsOf(signing)], [...rootsOf(signing), issuer]]) {
      assert.deepEqual(failed(inputOf(signing, { roots, intermediates: [] })), []);
    }
  });

  test("refuses what has no chain to a root, at any other time, and what is no certificate", () => {
    assert.deepEqual(failed(inputOf(signing, { roots: [] })), ["akCertificate.chain chain_issuer_unknown"]);
    assert.deepEqual(failed(inputOf(signing, { intermediates: [] })), ["akCertificate.chain chain_issuer_unknown"]);
    assert.deepEqual(failed(inputOf(signing, { intermediates: [new Uint8Array(3)] })), [
      "akCertificate.chain chain_malformed",
    ]);
    assert.deepEqual(failed(inputOf(signing, { now: new Date("2019-01-01") })), [
      "akCertificate.chain chain_not_yet_valid",
    ]);
    assert.deepEqual(failed(inputOf(signing, { certificate: new Uint8Array(3) })), [
      "akCertificate.format certificate_malformed",
    ]);
  });
});
