import { type Field, shown } from "@constellation/fields";
import { parseCertificate, pemToDer, X509Error } from "@constellation/x509";

/** A pinned root: one PEM certificate. */
export const ROOT: Field<string> = {
  read(reader, path, value) {
    const wanted = "a PEM certificate";
    try {
      if (typeof value === "string") parseCertificate(pemToDer(value));
      else reader.add(path, shown(value), wanted);
    } catch (error) {
      if (!(error instanceof X509Error)) throw error;
      reader.add(path, error.message, wanted);
    }
    return value as string;
  },
  write: (value) => value,
};
