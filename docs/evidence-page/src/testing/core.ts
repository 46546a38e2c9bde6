/** The verifying core with what runs it in a browser, bundled by tests. */
export { EvidenceFiles, judgeCase, parseCase, pemCertificates } from "@constellation/evidence";
export { settle } from "@constellation/web-crypto";
