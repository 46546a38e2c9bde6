import { benchAppraisal } from "./appraisal.ts";
import { benchBoot } from "./boot/boot.ts";
import { benchImage } from "./image.ts";
import { benchStartUp } from "./start-up.ts";

/** Prints the figures that SPECIFICATION.md names, in one run on one machine. */
for (const bench of [benchImage, benchStartUp, benchAppraisal, benchBoot]) {
  for (const row of await bench()) console.log(`${row.what.padEnd(52)} ${row.figure}`);
}
