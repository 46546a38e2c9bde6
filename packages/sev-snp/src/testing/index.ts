export {
  type EndorsementKey,
  type EndorsementRequest,
  FAKE_CSP_ID,
  FakeAmd,
  SERIAL_NUMBERS,
  wrappedHwId,
} from "./fake-amd.ts";
export { genuine, type GenuineChanges, NOW } from "./genuine.ts";
export { type ReportFields, reportFields, signReport, writeReport } from "./report-writer.ts";
