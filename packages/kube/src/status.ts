import { KubeError, type KubeErrorCode } from "./errors.ts";

const MAX_MESSAGE_CHARS = 500;

/** The part of a Kubernetes Status object (API convention "Response Status Kind") that tells what went wrong. */
interface Status {
  readonly reason: string;
  readonly message: string;
}

/** The error for an answer that is not a success. */
export function statusError(operation: string, httpStatus: number, body: string): KubeError {
  const { reason, message } = parseStatus(body);
  const detail = message === "" ? "" : `: ${message}`;
  return new KubeError(
    codeOf(httpStatus, reason),
    `${operation} failed: got status "${httpStatus}${reason === "" ? "" : ` ${reason}`}"${detail}`,
    { status: httpStatus },
  );
}

function codeOf(httpStatus: number, reason: string): KubeErrorCode {
  if (httpStatus === 401) return "unauthorized";
  if (httpStatus === 403) return "forbidden";
  if (httpStatus === 404) return "not_found";
  if (httpStatus === 409) return reason === "AlreadyExists" ? "already_exists" : "conflict";
  if (httpStatus === 410) return "expired";
  if (httpStatus === 429) return "overloaded";
  return httpStatus >= 500 ? "server_error" : "rejected";
}

function parseStatus(body: string): Status {
  try {
    const value: unknown = JSON.parse(body);
    const { reason, message } = (value ?? {}) as { reason?: unknown; message?: unknown };
    return { reason: textOf(reason), message: textOf(message) };
  } catch {
    return { reason: "", message: textOf(body.trim()) };
  }
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, MAX_MESSAGE_CHARS) : "";
}
