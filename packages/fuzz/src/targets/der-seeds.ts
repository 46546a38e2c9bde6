import { utf8 } from "@constellation/bytes";
import type { Vectors } from "../vectors.ts";

const BLOCK = /-----BEGIN CERTIFICATE-----([^-]*)-----END CERTIFICATE-----/;

/** Certificates: some as they are, and some out of PEM. */
export function derSeeds(vectors: Vectors): Uint8Array[] {
  const pems = [...vectors.roots(), ...vectors.byRole(["ca_chain", "pck_crl_issuer_chain", "tcb_info_issuer_chain"])];
  const decoded = pems.flatMap((pem) => {
    const base64 = BLOCK.exec(Buffer.from(pem).toString("latin1"))?.[1];
    return base64 === undefined ? [] : [new Uint8Array(Buffer.from(base64, "base64"))];
  });
  const der = vectors.byRole(["endorsement_cert", "certificate", "ak_cert"]).filter((bytes) => bytes[0] === 0x30);
  return [...der, ...decoded];
}

/** The same as PEM. */
export function pemSeeds(vectors: Vectors): Uint8Array[] {
  return derSeeds(vectors).map((der) => {
    const lines = Buffer.from(der).toString("base64").replace(/.{64}/g, "$&\n");
    return utf8(`-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`);
  });
}
