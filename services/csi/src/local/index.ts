export { createLocalDriver } from "./driver.ts";
export { DRIVER_NAME } from "./names.ts";
