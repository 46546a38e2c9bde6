/** Measured boot: TCG event logs and their replay, PE hashing, and the prediction of a UKI's PCR values. */
export type { Bank, DigestAlgorithm } from "./algorithm.ts";
export { authenticodeHash } from "./authenticode.ts";
export { describeEvent } from "./describe.ts";
export type { EventLogErrorCode } from "./error.ts";
export { EventLogError } from "./error.ts";
export type { EventLog, LogEvent } from "./event-log.ts";
export { isMeasured, MAX_EVENTS, MAX_LOG_BYTES, parseEventLog } from "./event-log.ts";
export type { EventTypeName } from "./event-type.ts";
export { EVENT_TYPE, eventTypeName } from "./event-type.ts";
export type { Difference } from "./explain.ts";
export { explainDifference } from "./explain.ts";
export type { PeImage, PeSection } from "./pe.ts";
export { parsePe, sectionContent } from "./pe.ts";
export type { PredictedEvent, PredictedMeasurements } from "./predict.ts";
export { PREDICTED_PCRS, predictMeasurements } from "./predict.ts";
export { efiApplicationDigests, extend, replay } from "./replay.ts";
export type { Uki, UkiSection } from "./uki.ts";
export { MEASURED_SECTIONS, parseUki, STUB_VERSION } from "./uki.ts";
