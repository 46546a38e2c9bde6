import { benchAppraisal } from "./appraisal.ts";
import { benchBoot } from "./boot/boot.ts";
import { benchEvidence } from "./evidence/evidence.ts";
import { benchImage } from "./image.ts";
import { benchKeys } from "./keys/keys.ts";
import { benchS3Proxy } from "./s3proxy/s3proxy.ts";
import { benchStartUp } from "./start-up.ts";
import { benchVolumes } from "./volumes/volumes.ts";

const BENCHES = {
  image: benchImage,
  "start-up": benchStartUp,
  appraisal: benchAppraisal,
  evidence: benchEvidence,
  keys: benchKeys,
  s3proxy: benchS3Proxy,
  boot: benchBoot,
  volumes: benchVolumes,
};

/** Prints the figures that SPECIFICATION.md names, in one run on one machine; with names of parts, of these parts. */
const names = process.argv.slice(2);
const unknown = names.find((name) => !Object.hasOwn(BENCHES, name));
if (unknown !== undefined) {
  throw new Error(`Start benchmark failed: got "${unknown}", wanted ${Object.keys(BENCHES).join(", ")} or nothing`);
}
for (const [name, bench] of Object.entries(BENCHES)) {
  if (names.length > 0 && !names.includes(name)) continue;
  for (const row of await bench()) console.log(`${row.what.padEnd(52)} ${row.figure}`);
}
