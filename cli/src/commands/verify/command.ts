import { type Command, InvalidArgumentError } from "commander";
import { EXIT } from "../../exit-codes.ts";
import type { CommandSetup } from "../../program.ts";

/** Defines `verify`. */
export function defineVerify(program: Command, setup: CommandSetup): void {
  const command = program
    .command("verify")
    .summary("check a cluster's evidence")
    .description(
      `Get fresh evidence from the cluster and check it: certificate chain, quote, event log, and each register (PCR)
against the configuration and the cluster ID. The exit code is 0 if it is accepted and 1 if it is refused.

Endpoint, cluster ID and endorsement authority come from constellation-state.yaml.`,
    )
    .option("--cluster-id <hex>", "expected cluster ID, instead of the one in the state file", parseClusterId)
    .option("-e, --node-endpoint <host[:port]>", "node that is asked, instead of the cluster's endpoint");
  setup.report(command).action(
    setup.run(async (context, options: { clusterId?: string; nodeEndpoint?: string }) => {
      const { describeVerification, verify } = await import("./verify.ts");
      const verification = await verify(context, options);
      context.io.out(describeVerification(verification, context.json));
      if (!verification.verdict.accepted) {
        context.io.err("Verification failed.\n");
        return EXIT.failed;
      }
      context.io.err("Verification OK\n");
      return EXIT.ok;
    }),
  );
}

function parseClusterId(text: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError(`Got "${text}", wanted 64 hexadecimal digits.`);
}
