export { type AcceptedCheck, type Check, check, fail, type FailedCheck, pass, type PassedCheck } from "./check.ts";
export { type Expectation, expectBytes, expectValue } from "./expectation.ts";
