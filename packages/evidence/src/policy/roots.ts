import { type Field, shown } from "@constellation/fields";
import { type Certificate, derToPem, parseCertificate, pemToDer, X509Error } from "@constellation/x509";

/** A pinned root: one PEM certificate, read once for all that is judged by the policy. */
export const ROOT: Field<Certificate> = {
  read(reader, path, value) {
    const wanted = "a PEM certificate";
    try {
      if (typeof value === "string") return parseCertificate(pemToDer(value));
      reader.add(path, shown(value), wanted);
    } catch (error) {
      if (!(error instanceof X509Error)) throw error;
      reader.add(path, error.message, wanted);
    }
    // There is none to stand for it; what was read does not count any more.
    return undefined as never;
  },
  write: ({ der }) => derToPem(der).trimEnd(),
};
