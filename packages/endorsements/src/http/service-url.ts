import { EndorsementError } from "../error.ts";

const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * The address of a service without a slash at its end. What is fetched is signed, so TLS is not what is trusted; it is
 * demanded all the same, for privacy and against denial, but on the way to this machine itself.
 * Throws `EndorsementError` "url_refused".
 */
export function serviceUrl(text: string): string {
  if (!URL.canParse(text)) throw refused(text, "an https address");
  const url = new URL(text);
  const isPlainLoopback = url.protocol === "http:" && LOOPBACK.test(url.hostname);
  if (url.protocol !== "https:" && !isPlainLoopback) throw refused(text, "https, or http to this machine");
  if (url.username !== "" || url.password !== "") throw refused(url.host, "an address without user and password");
  if (url.search !== "" || url.hash !== "") throw refused(text, "an address without query and fragment");
  return url.href.replace(/\/+$/, "");
}

function refused(got: string, wanted: string): EndorsementError {
  return new EndorsementError("url_refused", `Use service failed: got ${JSON.stringify(got)}, wanted ${wanted}`);
}
