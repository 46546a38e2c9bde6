import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";

type MakeKeyPair = (type: string, options: object) => unknown;

/**
 * Lets RSA keys, which take long to make, be made once for each place in the order in which they are asked for. Gives a
 * function that starts that order anew, under a name: what has another name gets other keys.
 */
export function keepRsaKeys(): (name: string) => void {
  const made = new Map<string, unknown>();
  let current = "";
  let asked = 0;
  const make = crypto.generateKeyPairSync as MakeKeyPair;
  const kept: MakeKeyPair = (type, options) => {
    if (type !== "rsa") return make(type, options);
    asked += 1;
    const key = JSON.stringify([current, asked, options]);
    const pair = made.get(key) ?? make(type, options);
    made.set(key, pair);
    return pair;
  };
  Object.assign(crypto, { generateKeyPairSync: kept });
  syncBuiltinESMExports();
  return (name) => {
    current = name;
    asked = 0;
  };
}
