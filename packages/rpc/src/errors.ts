import { codeOf } from "@constellation/atls";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

/** Response metadata that carries the `code` of one of our coded errors. */
export const CODE_METADATA = "constellation-code";

/** gRPC status codes, in our words. */
export type RpcErrorCode =
  | "canceled"
  | "unknown"
  | "invalid-argument"
  | "deadline-exceeded"
  | "not-found"
  | "already-exists"
  | "permission-denied"
  | "resource-exhausted"
  | "failed-precondition"
  | "aborted"
  | "out-of-range"
  | "unimplemented"
  | "internal"
  | "unavailable"
  | "data-loss"
  | "unauthenticated";

const STATUS: Record<RpcErrorCode, Code> = {
  canceled: Code.Canceled,
  unknown: Code.Unknown,
  "invalid-argument": Code.InvalidArgument,
  "deadline-exceeded": Code.DeadlineExceeded,
  "not-found": Code.NotFound,
  "already-exists": Code.AlreadyExists,
  "permission-denied": Code.PermissionDenied,
  "resource-exhausted": Code.ResourceExhausted,
  "failed-precondition": Code.FailedPrecondition,
  aborted: Code.Aborted,
  "out-of-range": Code.OutOfRange,
  unimplemented: Code.Unimplemented,
  internal: Code.Internal,
  unavailable: Code.Unavailable,
  "data-loss": Code.DataLoss,
  unauthenticated: Code.Unauthenticated,
};

const NAMES = new Map(Object.entries(STATUS).map(([name, code]) => [code, name as RpcErrorCode]));

/** The one error class of this package: a call that failed, here or at the other end. */
export class RpcError extends Error {
  override readonly name = "RpcError";
  readonly code: RpcErrorCode;
  /** The `code` of the coded error that the other end threw, if it was one. Never trust it further than the peer. */
  readonly remoteCode: string | undefined;

  constructor(code: RpcErrorCode, message: string, options: { cause?: unknown; remoteCode?: string | undefined } = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.remoteCode = options.remoteCode;
  }
}

/** Which gRPC status each `code` of a service's coded errors stands for. A code that is not listed is "internal". */
export type StatusTable = Readonly<Record<string, RpcErrorCode>>;

/**
 * The one way from our errors to gRPC: coded errors travel with message and code, {@link RpcError}s with their own
 * status, everything else as "internal" without a word about why, because a foreign message may hold anything.
 */
export function toConnectError(error: unknown, statuses: StatusTable = {}): ConnectError {
  if (error instanceof ConnectError) return error;
  if (error instanceof RpcError)
    return new ConnectError(error.message, STATUS[error.code], undefined, undefined, error);
  const code = codeOf(error);
  if (!(error instanceof Error) || code === undefined) {
    return new ConnectError("internal error", Code.Internal, undefined, undefined, error);
  }
  const status = Object.hasOwn(statuses, code) ? STATUS[statuses[code]!] : Code.Internal;
  return new ConnectError(error.message, status, { [CODE_METADATA]: code }, undefined, error);
}

/** The way back: what a failed call of a client of ours was, as an {@link RpcError}. */
export function fromConnectError(error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  const connectError = ConnectError.from(error);
  const remoteCode = codeOf({ code: connectError.metadata.get(CODE_METADATA) });
  const name = NAMES.get(connectError.code) ?? "unknown";
  return new RpcError(name, connectError.rawMessage, { cause: error, remoteCode });
}

/** Server interceptor that sends every error of a handler, also in the middle of a stream, through {@link toConnectError}. */
export function errorFunnel(statuses: StatusTable, onError: (error: unknown) => void): Interceptor {
  return (next) => async (request) => {
    const funnel = (error: unknown): ConnectError => {
      onError(error);
      // What a handler throws after its call was ended is only the echo of the end.
      const ended = request.signal.aborted && codeOf(error) === undefined;
      return toConnectError(ended ? request.signal.reason : error, statuses);
    };
    try {
      const response = await next(request);
      return response.stream ? { ...response, message: mapErrors(response.message, funnel) } : response;
    } catch (error) {
      throw funnel(error);
    }
  };
}

/** Passes messages on, and maps the error that ends them. */
export async function* mapErrors<T>(
  messages: AsyncIterable<T>,
  map: (error: unknown) => ConnectError,
): AsyncIterable<T> {
  try {
    yield* messages;
  } catch (error) {
    throw map(error);
  }
}
