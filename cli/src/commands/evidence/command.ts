import { type Command, Option } from "commander";
import type { CommandSetup } from "../../program.ts";
import type { FetchOptions } from "./fetch.ts";
import type { InitOptions } from "./policy.ts";
import type { VerifyOptions } from "./verify.ts";

const ENDORSEMENTS = "what `evidence fetch` wrote, instead of the case's own certificates and collateral";

/** Defines `evidence` and its subcommands. */
export function defineEvidence(program: Command, setup: CommandSetup): void {
  const evidence = program
    .command("evidence")
    .summary("judge and show attestation evidence of any platform")
    .description("Work with attestation evidence, of clusters of this program or of anything else.");
  setup
    .report(evidence.command("verify"))
    .summary("judge a piece of evidence by a stated policy")
    .description(
      `Judge the evidence in a case folder: whether it is genuine, and whether it is acceptable under the case's policy.
Every check is listed; what the policy leaves open is accepted by choice, and shown as such. Nothing is fetched.

The folder has a case.json and the files that it names; trusted roots are found two levels above the folder.
The exit code is 0 if the evidence is accepted, 1 if it is refused, and 2 if there is no such case.`,
    )
    .argument("<case folder>", "folder with a case.json")
    .option("--policy <file>", "judge by this policy, instead of the case's own")
    .option("--endorsements <file>", ENDORSEMENTS)
    .action(
      setup.run(async (context, options: VerifyOptions, folder = "") => {
        const { verifyCase } = await import("./verify.ts");
        return verifyCase(context, folder, options);
      }),
    );
  setup
    .report(evidence.command("show"))
    .summary("show what a piece of evidence says")
    .description(
      `Show what a file says: a report, quote, certificate, CRL, event log, or anything else that evidence consists of. What it
is, is told by its contents. Nothing in it is verified.`,
    )
    .argument("<file>", "file to show")
    .action(
      setup.run(async (context, _options: object, file = "") => {
        const { showFile } = await import("./show.ts");
        await showFile(context, file);
      }),
    );
  evidence
    .command("policy")
    .summary("work with policies for evidence")
    .description("Work with policies for evidence.")
    .command("init")
    .summary("write a policy from a good case")
    .description(
      `Write a total policy that accepts the evidence of a good case: measurements and settings as they are there, versions as
they are or newer. What is another in each piece of evidence or on each machine is left open, with the reason. Read it
before you rely on it.`,
    )
    .requiredOption("--from <case folder>", "folder with a case.json")
    .option("--to <file>", "where the policy is written, instead of stdout")
    .option("--endorsements <file>", ENDORSEMENTS)
    .action(
      setup.run(async (context, options: InitOptions) => {
        const { initPolicy } = await import("./policy.ts");
        await initPolicy(context, options);
      }),
    );
  setup
    .report(evidence.command("fetch"))
    .summary("fetch what evidence is verified with")
    .description(
      `Fetch certificates, revocation lists and TCB information for SEV-SNP reports and TDX quotes from AMD and Intel, and
write them to one file, for verification without a network. What was fetched is kept in the cache, and asked for anew when
it is stale. HTTPS_PROXY and NO_PROXY count.`,
    )
    .argument("<file...>", "reports and quotes")
    .requiredOption("--to <file>", "where the endorsements are written")
    .addOption(
      new Option("--product <name>", "product line of reports of version 2, which do not say it").choices([
        "Milan",
        "Genoa",
        "Turin",
      ]),
    )
    .option("--kds-url <url>", "mirror of AMD's Key Distribution Service")
    .option("--pccs-url <url>", "Provisioning Certificate Caching Service, instead of Intel's own service")
    .option("--reload", "ask anew for what is in the cache", false)
    .action(
      setup.run(async (context, options: FetchOptions, ...files) => {
        const { fetchEndorsements } = await import("./fetch.ts");
        await fetchEndorsements(context, files, options);
      }),
    );
}
