import type { Step } from "./machine.ts";

/** Finds out what machine this is: metadata, attester, network. */
export const platformStep: Step<"platform"> = async (_, { openPlatform, console, log, services }, signal) => {
  const platform = await openPlatform(signal);
  const { metadata, address, diskUuid } = platform;
  const machine = Buffer.from(platform.attester.machineDigest).toString("hex");
  log.info("platform found", { role: metadata.role, address, machine, diskUuid });
  console(`${metadata.role} (hint), address ${address}, machine ${machine.slice(0, 16)}...`);
  await services.openEvidence(platform);
  return { kind: "disk", platform };
};
