/** Runs the unit tests of the packages that decide on trust, and fails where a line or branch of these was not run. */
import { globSync } from "node:fs";
import { relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";

/** What secrets and verdicts pass through. */
const TRUST_PACKAGES = [
  "bytes",
  "der",
  "x509",
  "cose",
  "crypto",
  "fields",
  "json",
  "verdict",
  "hcl",
  "nitro",
  "sev-snp",
  "tdx",
  "tpm2",
  "vtpm",
  "eventlog",
  "attestation",
  "evidence",
  "atls",
  "keys",
  "cluster-state",
];

const wanted = process.argv.slice(2);
const packages = wanted.length === 0 ? TRUST_PACKAGES : TRUST_PACKAGES.filter((name) => wanted.includes(name));
if (packages.length === 0) {
  console.error(`coverage: got ${wanted.join(", ")}, wanted some of ${TRUST_PACKAGES.join(", ")}`);
  process.exit(2);
}

const folders = packages.map((name) => `packages/${name}/src/**`);
const isUnit = (path: string): boolean => !path.endsWith(".integration.test.ts");

const stream = run({
  files: folders.flatMap((folder) => globSync(`${folder}/*.test.ts`).filter(isUnit)).sort(),
  concurrency: 1,
  timeout: 600_000,
  coverage: true,
  coverageIncludeGlobs: folders.map((folder) => `${folder}/*.ts`),
  coverageExcludeGlobs: ["**/*.test.ts", "**/testing/**", "**/test-support.ts"],
  lineCoverage: 100,
  branchCoverage: 100,
});
stream.on("test:fail", () => {
  process.exitCode = 1;
});
stream.on("test:coverage", ({ summary }) => {
  for (const { path, lines, branches } of summary.files) {
    const missing = [
      ...lines.filter(({ count }) => count === 0).map(({ line }) => `line ${line}`),
      ...branches.filter(({ count }) => count === 0).map(({ line }) => `a branch at line ${line}`),
    ];
    if (missing.length > 0) console.error(`not run in ${relative(process.cwd(), path)}: ${missing.join(", ")}`);
  }
});
for await (const chunk of stream.compose(new spec())) process.stdout.write(chunk as string);
