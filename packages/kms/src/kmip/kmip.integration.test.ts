import { randomBytes } from "node:crypto";
import { EnvelopeKms } from "../envelope/envelope-kms.ts";
import { KmsError } from "../error.ts";
import { kmipExchange, type KmipServer } from "../node/kmip-exchange.ts";
import type { Fault } from "../testing/faults.ts";
import { kmsCompliance } from "../testing/kms-compliance.ts";
import { PyKmip } from "../testing/pykmip.ts";
import { impatientTools, patientTools } from "../testing/test-tools.ts";
import { type KmipExchange, type KmipKey, KmipKms } from "./kmip-kms.ts";
import type { KmipVersion } from "./message.ts";

const { signal } = new AbortController();

/** Harm between client and server. */
class FaultyExchange {
  fault: Fault = "none";
  readonly #exchange: KmipExchange;

  constructor(exchange: KmipExchange) {
    this.#exchange = exchange;
  }

  readonly exchange: KmipExchange = async (request, attempt) => {
    switch (this.fault) {
      case "none":
        return this.#exchange(request, attempt);
      case "refused":
        throw new KmsError("kms_unreachable", "Talk to KMIP server failed: got ECONNREFUSED, wanted an answer");
      case "silent":
        return new Promise<never>((_, reject) => {
          attempt.addEventListener("abort", () => reject(attempt.reason as Error), { once: true });
        });
      case "truncated":
        return (await this.#exchange(request, attempt)).slice(0, -8);
      case "endless":
        return new Uint8Array(1 << 20);
      case "garbage":
      case "redirect":
        return Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n");
    }
  };
}

for (const version of ["1.4", "2.0"] as const satisfies readonly KmipVersion[]) {
  kmsCompliance(
    `PyKMIP, KMIP ${version}`,
    ["otherKey", "wrongCredentials", "missingKey", "faulty", "destroy"],
    async () => {
      const pykmip = await PyKmip.start();
      const wrapperOf = (server: KmipServer, key: KmipKey, name = version): KmipKms =>
        new KmipKms(
          { version: name, key, exchange: kmipExchange(server, patientTools()) },
          patientTools(),
          randomBytes,
        );
      const kmsOf = (client: "client" | "other" | "stranger", key: KmipKey): EnvelopeKms =>
        new EnvelopeKms(wrapperOf(pykmip.as(client), key), randomBytes);
      const named = (name: string): KmipKey => ({ by: "name", name });
      const identifier = await wrapperOf(pykmip.as("client"), named("kek")).createKey(signal);
      const key: KmipKey = { by: "identifier", identifier };
      await wrapperOf(pykmip.as("client"), named("other")).createKey(signal);
      const faulty = new FaultyExchange(kmipExchange(pykmip.as("client"), patientTools()));
      const options = { version, key, exchange: faulty.exchange };
      const noWait = impatientTools(() => Promise.reject(new Error("no fetch")), faulty);
      return {
        kind: "kmip",
        kms: kmsOf("client", named("kek")),
        otherKey: kmsOf("client", named("other")),
        wrongCredentials: kmsOf("stranger", key),
        missingKey: kmsOf("client", named("nothing")),
        faulty: {
          kms: new EnvelopeKms(new KmipKms(options, noWait, randomBytes), randomBytes),
          set: (fault) => (faulty.fault = fault),
        },
        destroy: () => wrapperOf(pykmip.as("client"), named("kek")).destroyKey(signal),
        // PyKMIP calls a tag that does not fit a general failure.
        corruptCode: "kms_answer",
        flipEvery: 7,
        stop: () => pykmip.stop(),
      };
    },
  );
}
