/** The verifying core with what runs it in a browser, bundled by tests. */
export { EvidenceFiles, pemCertificates } from "@constellation/evidence";
export { judgeCase, parseCase } from "@constellation/evidence/case";
export { settle } from "@constellation/web-crypto";
