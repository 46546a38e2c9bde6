import { fromUtf8, hex } from "@constellation/bytes";
import type { Collateral } from "@constellation/tdx";
import { FakeIntel } from "@constellation/tdx/testing";
import type { PckCa, TdxPlatform } from "../source.ts";
import type { PcsService } from "../vendor/pcs.ts";
import { FakeServer } from "./fake-server.ts";

/** Paths of the PCS API v4. */
export const PCS_PATHS = {
  tcb: ({ fmspc }: Pick<TdxPlatform, "fmspc">, evaluation = "update=standard") =>
    `/tdx/certification/v4/tcb?fmspc=${hex(fmspc)}&${evaluation}`,
  qeIdentity: (evaluation = "update=standard") => `/tdx/certification/v4/qe/identity?${evaluation}`,
  pckCrl: (ca: PckCa) => `/sgx/certification/v4/pckcrl?ca=${ca}&encoding=der`,
  /** Of Intel's own service, on another host there. */
  rootCaCrl: "/IntelSGXRootCA.der",
  /** Of a PCCS. */
  pccsRootCaCrl: "/sgx/certification/v4/rootcacrl",
} as const;

/** A stand-in for Intel's Provisioning Certification Service, and for a PCCS, on loopback (Intel PCS API v4). */
export class FakePcs {
  readonly server: FakeServer;
  readonly intel: FakeIntel;

  private constructor(server: FakeServer, intel: FakeIntel) {
    this.server = server;
    this.intel = intel;
  }

  /** Starts a service that has nothing yet. */
  static async start(intel?: FakeIntel): Promise<FakePcs> {
    return new FakePcs(await FakeServer.start(), intel ?? (await FakeIntel.create()));
  }

  /** As Intel's own service. */
  get service(): PcsService {
    return { baseUrl: this.server.url, rootCaCrlUrl: `${this.server.url}${PCS_PATHS.rootCaCrl}` };
  }

  /** Publishes collateral of a platform. */
  publish({ fmspc, ca }: TdxPlatform, collateral: Collateral, evaluation = "update=standard"): void {
    this.server.set(PCS_PATHS.tcb({ fmspc }, evaluation), {
      headers: { "content-type": "application/json", "TCB-Info-Issuer-Chain": encoded(collateral.tcbInfoIssuerChain) },
      body: collateral.tcbInfo,
    });
    this.server.set(PCS_PATHS.qeIdentity(evaluation), {
      headers: {
        "content-type": "application/json",
        "SGX-Enclave-Identity-Issuer-Chain": encoded(collateral.qeIdentityIssuerChain),
      },
      body: collateral.qeIdentity,
    });
    this.server.set(PCS_PATHS.pckCrl(ca), {
      headers: {
        "content-type": "application/pkix-crl",
        "SGX-PCK-CRL-Issuer-Chain": encoded(collateral.pckCrlIssuerChain),
      },
      body: collateral.pckCrl,
    });
    this.server.set(PCS_PATHS.rootCaCrl, { body: collateral.rootCaCrl });
    // Intel's PCCS has this one in hexadecimal.
    this.server.set(PCS_PATHS.pccsRootCaCrl, { body: hex(collateral.rootCaCrl) });
  }
}

/** PEM as a header of the PCS bears it. */
export function encoded(pem: Uint8Array): string {
  return encodeURIComponent(fromUtf8(pem));
}
