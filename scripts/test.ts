import { globSync } from "node:fs";
import { PassThrough, pipeline } from "node:stream";
import { run } from "node:test";
import { spec } from "node:test/reporters";

/** Kinds of tests; "cluster" and "e2e" boot virtual machines. */
const KINDS = ["unit", "integration", "cluster", "e2e"] as const;
type Kind = (typeof KINDS)[number];

/** What a run without a kind consists of, quick ones first. The rest of e2e takes more than an hour under emulation. */
const EVERY_CHANGE: readonly Kind[] = ["unit", "integration", "cluster"];

const SOURCES =
  "{packages,services,infrastructure}/*/src/**,docs/evidence-page/src/**,{bench,cli,node,image,scripts}/**,e2e/src/harness/**";

function filesOf(kind: Kind): string[] {
  const patterns: Record<Kind, string> = {
    unit: `{${SOURCES}}/*.test.ts`,
    integration: `{${SOURCES}}/*.integration.test.ts`,
    cluster: "e2e/src/cluster.test.ts",
    e2e: "e2e/src/*.test.ts",
  };
  return globSync(patterns[kind], { exclude: (path) => path.includes("node_modules") })
    .filter((path) => kind !== "unit" || !path.endsWith(".integration.test.ts"))
    .sort();
}

const BOOTS: ReadonlySet<Kind> = new Set(["cluster", "e2e"]);

/** Integration tests that wait for nearly all of their time, for others' back-off: they run beside the others. */
const PATIENT: ReadonlySet<string> = new Set(["node/src/kms/plugin.integration.test.ts"]);

/** A report that is read only later has room for all it says. */
const REPORT_BYTES = 16_777_216;

const counts = { passed: 0, failed: 0, skipped: 0 };

/** Runs the files of one kind; end-to-end tests share virtual machines, so these run one at a time. */
async function runKind(kind: Kind): Promise<void> {
  const files = filesOf(kind);
  if (files.length === 0) throw new Error(`Run ${kind} tests failed: no test file found`);
  const patient = runFiles(
    kind,
    files.filter((file) => PATIENT.has(file)),
  );
  const others = runFiles(
    kind,
    files.filter((file) => !PATIENT.has(file)),
  );
  for (const report of [others, patient]) {
    for await (const text of report) process.stdout.write(text);
  }
}

/** Starts files at once, and counts their tests. @returns the report, to be read when there is time */
function runFiles(kind: Kind, files: string[]): AsyncIterable<string> {
  const report = new PassThrough({ encoding: "utf8", highWaterMark: REPORT_BYTES });
  if (files.length === 0) return report.end();
  const stream = run({ files, concurrency: kind === "unit" ? 2 : 1, timeout: BOOTS.has(kind) ? 9_000_000 : 600_000 });
  stream.on("test:pass", (event) => {
    if (event.details.type === "suite") return;
    if (event.skip === undefined) counts.passed += 1;
    else counts.skipped += 1;
  });
  stream.on("test:fail", (event) => {
    if (event.details.type !== "suite") counts.failed += 1;
  });
  // Whoever reads the report hears of an error.
  return pipeline(stream.compose(new spec()), report, () => {});
}

const wanted = process.argv[2] ?? "all";
const kinds = wanted === "all" ? EVERY_CHANGE : KINDS.filter((kind) => kind === wanted);
if (kinds.length === 0) {
  console.error(`test: kind is '${wanted}', wanted ${KINDS.join(", ")} or all`);
  process.exit(2);
}
for (const kind of kinds) await runKind(kind);
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
