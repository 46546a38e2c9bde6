import { createHash } from "node:crypto";

/** One piece of software, and what it is made of. */
export interface Item {
  readonly name: string;
  readonly version?: string | undefined;
  readonly purl?: string | undefined;
  readonly sha256?: string | undefined;
  readonly sha512?: string | undefined;
  /** What its author states; shown if it is a licence expression. */
  readonly license?: string | undefined;
  readonly supplier?: string | undefined;
  /** Where it comes from, for people. */
  readonly origin?: string | undefined;
  readonly comment?: string | undefined;
  readonly contains?: readonly Item[];
  readonly dependsOn?: readonly Item[];
  readonly generatedFrom?: readonly Item[];
}

/** An SPDX 2.3 document, as it is written as JSON. */
export interface SpdxDocument {
  readonly spdxVersion: "SPDX-2.3";
  readonly dataLicense: "CC0-1.0";
  readonly SPDXID: "SPDXRef-DOCUMENT";
  readonly name: string;
  readonly documentNamespace: string;
  readonly creationInfo: { readonly created: string; readonly creators: readonly string[] };
  readonly packages: readonly SpdxPackage[];
  readonly relationships: readonly SpdxRelationship[];
}

type SpdxPackage = { readonly SPDXID: string } & ReturnType<typeof describe>;

interface SpdxRelationship {
  readonly spdxElementId: string;
  readonly relationshipType: string;
  readonly relatedSpdxElement: string;
}

/** The moment of SOURCE_DATE_EPOCH in all builds, 1767225600. */
const CREATED = "2026-01-01T00:00:00Z";

const RELATIONSHIPS = { contains: "CONTAINS", dependsOn: "DEPENDS_ON", generatedFrom: "GENERATED_FROM" } as const;

/**
 * An SPDX 2.3 document that describes an item and all it is made of. Equal items give equal documents, whatever their
 * order; what is in several places is one package with several relationships.
 */
export function spdxDocument(described: Item): SpdxDocument {
  const packages = new Map<string, SpdxPackage>();
  const relationships = new Map<string, SpdxRelationship>();
  const relate = (spdxElementId: string, relationshipType: string, relatedSpdxElement: string): void => {
    const relationship = { spdxElementId, relationshipType, relatedSpdxElement };
    relationships.set(Object.values(relationship).join(" "), relationship);
  };
  const add = (item: Item): string => {
    const description = describe(item);
    const id = spdxId(item.name, description);
    packages.set(id, { SPDXID: id, ...description });
    for (const [field, type] of Object.entries(RELATIONSHIPS)) {
      for (const part of item[field as keyof typeof RELATIONSHIPS] ?? []) relate(id, type, add(part));
    }
    return id;
  };
  relate("SPDXRef-DOCUMENT", "DESCRIBES", add(described));
  const content = { packages: inOrder(packages), relationships: inOrder(relationships) };
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: described.name,
    documentNamespace: `https://spdx.org/spdxdocs/${encodeURIComponent(described.name)}-${digest(content)}`,
    creationInfo: { created: CREATED, creators: ["Tool: constellation-image"] },
    ...content,
  };
}

/** The fields of an item's package (SPDX 2.3, 7). */
function describe(item: Item) {
  const checksums = [
    ...(item.sha256 === undefined ? [] : [{ algorithm: "SHA256", checksumValue: item.sha256 }]),
    ...(item.sha512 === undefined ? [] : [{ algorithm: "SHA512", checksumValue: item.sha512 }]),
  ];
  const reference = { referenceCategory: "PACKAGE-MANAGER", referenceType: "purl" };
  return {
    name: item.name,
    ...(item.version === undefined ? {} : { versionInfo: item.version }),
    ...(item.supplier === undefined ? {} : { supplier: item.supplier }),
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    ...(checksums.length === 0 ? {} : { checksums }),
    ...(item.origin === undefined ? {} : { sourceInfo: item.origin }),
    licenseConcluded: "NOASSERTION",
    licenseDeclared: licenseExpression(item.license) ?? "NOASSERTION",
    copyrightText: "NOASSERTION",
    ...(item.comment === undefined ? {} : { comment: item.comment }),
    ...(item.purl === undefined ? {} : { externalRefs: [{ ...reference, referenceLocator: item.purl }] }),
  };
}

/** An identifier of letters, digits, '.' and '-' (SPDX 2.3, 7.2), the same for the same description. */
function spdxId(name: string, description: object): string {
  return `SPDXRef-${name.replace(/[^A-Za-z0-9.]+/g, "-")}-${digest(description).slice(0, 16)}`;
}

/** The text if it has the form of a licence expression (SPDX 2.3, annex D): npm's `UNLICENSED` is none. */
function licenseExpression(text: string | undefined): string | undefined {
  if (text === undefined || text === "UNLICENSED") return undefined;
  return /^\(*[A-Za-z0-9.+-]+\)*( (AND|OR|WITH) \(*[A-Za-z0-9.+-]+\)*)*$/.test(text) ? text : undefined;
}

function digest(value: object): string {
  return createHash("sha256").update(JSON.stringify(value)).digest("hex");
}

/** The values, sorted by the code units of their keys. */
function inOrder<Value>(map: ReadonlyMap<string, Value>): Value[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value);
}

/** A package URL, percent-encoded as its specification asks; the names of qualifiers come sorted. */
export function purl(
  type: string,
  path: string,
  version: string,
  qualifiers: Readonly<Record<string, string>> = {},
): string {
  const query = Object.entries(qualifiers).map(([name, value]) => `${name}=${encode(value)}`);
  const suffix = query.length === 0 ? "" : `?${query.join("&")}`;
  return `pkg:${type}/${path.split("/").map(encode).join("/")}@${encode(version)}${suffix}`;
}

/** Percent-encodes all but letters, digits, '.', '-', '_', '~' and ':'. */
function encode(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%3A", ":");
}
