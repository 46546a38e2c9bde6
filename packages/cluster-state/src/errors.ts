/** Why the recorded cluster state can't be used. */
export type ClusterStateErrorCode = "missing_key" | "malformed_json" | "wrong_shape" | "wrong_value" | "not_unique";

/** The ConfigMap does not hold a usable cluster state. Nobody is admitted by a state that can't be read whole (T9). */
export class ClusterStateError extends Error {
  override readonly name = "ClusterStateError";
  readonly code: ClusterStateErrorCode;
  /** Where, for example `nodes.json[2].role`. */
  readonly field: string;

  constructor(code: ClusterStateErrorCode, field: string, got: string, wanted: string, options?: ErrorOptions) {
    super(`Parse cluster state failed: ${field}: got ${got}, wanted ${wanted}`, options);
    this.code = code;
    this.field = field;
  }
}
