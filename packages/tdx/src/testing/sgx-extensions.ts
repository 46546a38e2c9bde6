import { fromHex } from "@constellation/bytes";
import { bool, enumerated, count, octets, oid, seq } from "@constellation/der/testing/der-writer";

/** OID of the SGX extensions. */
export const SGX_EXTENSIONS = "1.2.840.113741.1.13.1";

/** What the SGX extensions of a fake PCK certificate say. */
export interface FakePck {
  readonly FMSPC: Uint8Array;
  readonly PCEID: Uint8Array;
  /** 16 SVNs. */
  readonly components: readonly number[];
  readonly PCESVN: number;
  /** Whether there are the values that the platform CA adds. */
  readonly isPlatform: boolean;
}

/** A platform at the newest level of `newestTcbInfo`. */
export const FAKE_PCK: FakePck = {
  FMSPC: fromHex("b0c06f000000"),
  PCEID: fromHex("0000"),
  components: [3, 3, 2, 2, 4, 1, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0],
  PCESVN: 13,
  isPlatform: true,
};

/** The value of the SGX extensions, DER. */
export function sgxExtensions(pck: FakePck = FAKE_PCK): Uint8Array {
  return seq(...sgxExtensionPairs(pck));
}

/** Each pair of OID and value in the SGX extensions. */
export function sgxExtensionPairs(pck: FakePck = FAKE_PCK): Uint8Array[] {
  const pair = (suffix: string, value: Uint8Array) => seq(oid(`${SGX_EXTENSIONS}.${suffix}`), value);
  const components = pck.components.map((svn, index) => pair(`2.${index + 1}`, count(svn)));
  const configuration = [1, 2, 3].map((number) => pair(`7.${number}`, bool(number !== 1)));
  return [
    pair("1", octets(new Uint8Array(16).fill(0x11))),
    pair(
      "2",
      seq(...components, pair("2.17", count(pck.PCESVN)), pair("2.18", octets(Uint8Array.from(pck.components)))),
    ),
    pair("3", octets(pck.PCEID)),
    pair("4", octets(pck.FMSPC)),
    pair("5", enumerated(1)),
    ...(pck.isPlatform ? [pair("6", octets(new Uint8Array(16).fill(0x66))), pair("7", seq(...configuration))] : []),
  ];
}
