import type { Step } from "./machine.ts";

/** Finds out what machine this is: metadata, TPM, network. */
export const platformStep: Step<"platform"> = async (_, { openPlatform, console, log, services }, signal) => {
  const platform = await openPlatform(signal);
  const { metadata, address, diskUuid } = platform;
  const ekDigest = Buffer.from(platform.tpm.ekDigest).toString("hex");
  log.info("platform found", { role: metadata.role, address, ekDigest, diskUuid });
  console(`${metadata.role} (hint), address ${address}, endorsement key ${ekDigest.slice(0, 16)}...`);
  await services.openEvidence(platform);
  return { kind: "disk", platform };
};
