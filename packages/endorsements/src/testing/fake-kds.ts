import { concat, utf8 } from "@constellation/bytes";
import { caChainUrl, crlUrl, type EndorsementKind } from "@constellation/sev-snp";
import { FakeAmd } from "@constellation/sev-snp/testing";
import { derToPem } from "@constellation/x509";
import type { SevSnpPlatform } from "../source.ts";
import { vcekUrlOf } from "../vendor/platform.ts";
import { FakeServer } from "./fake-server.ts";

/** A stand-in for AMD's Key Distribution Service on loopback, for one product line (AMD 57230 chapter 4). */
export class FakeKds {
  readonly server: FakeServer;
  readonly amd: FakeAmd;

  private constructor(server: FakeServer, amd: FakeAmd) {
    this.server = server;
    this.amd = amd;
    for (const kind of ["VCEK", "VLEK"] as const) {
      this.server.set(this.chainPath(kind), {
        headers: { "content-type": "application/x-pem-file" },
        body: utf8([kind === "VCEK" ? amd.ask : amd.asvk, amd.ark].map(derToPem).join("")),
      });
      this.publishCrl(kind, amd.issueCrl([]));
    }
  }

  /** Starts a service. */
  static async start(amd: FakeAmd = new FakeAmd("Milan")): Promise<FakeKds> {
    return new FakeKds(await FakeServer.start(), amd);
  }

  /** Issues a VCEK for a platform, and publishes and gives its certificate, DER. */
  publishVcek(platform: SevSnpPlatform): Uint8Array {
    const { product, chipId, tcb } = platform;
    const { certificate } = this.amd.issueVcek({ hwId: product === "Turin" ? chipId.subarray(0, 8) : chipId, tcb });
    this.server.set(this.vcekPath(platform), {
      headers: { "content-type": "application/pkix-cert" },
      body: certificate,
    });
    return certificate;
  }

  /** Publishes a CRL, with an ETag where one is given. */
  publishCrl(kind: EndorsementKind, crl: Uint8Array, etag?: string): void {
    const headers = { "content-type": "application/pkix-crl", ...(etag !== undefined && { etag }) };
    this.server.set(this.crlPath(kind), { headers, body: concat(crl) });
  }

  vcekPath(platform: SevSnpPlatform): string {
    return pathOf(vcekUrlOf(platform));
  }

  chainPath(kind: EndorsementKind): string {
    return pathOf(caChainUrl(kind, this.amd.product));
  }

  crlPath(kind: EndorsementKind): string {
    return pathOf(crlUrl(kind, this.amd.product));
  }
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return `${pathname}${search}`;
}
