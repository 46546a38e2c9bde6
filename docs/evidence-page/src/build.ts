import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildPage } from "./bundle.ts";

const folder = join(import.meta.dirname, "../../../build/evidence-page");
mkdirSync(folder, { recursive: true });
const file = join(folder, "index.html");
const page = await buildPage();
writeFileSync(file, page);
console.log(`${file}: ${Buffer.byteLength(page)} bytes; open it in a browser, or serve its folder`);
