export { admit, findRecord, policyOf, type PresentedEvidence } from "./admission.ts";
export { decideJoin, decideRejoin, type JoinDecision, type JoinRequest } from "./decide.ts";
export { EvidenceError, JoinError, type JoinErrorCode, type RequestedRole } from "./errors.ts";
export { type JoinServerOptions, type JoinServerParts, type RunningJoinService, startJoinService } from "./server.ts";
export { JOIN_STATUSES } from "./statuses.ts";
