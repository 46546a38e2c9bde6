import { equalConstantTime, hex } from "@constellation/bytes";
import { type LaunchInput, predictLaunchMeasurement, SevSnpError } from "@constellation/sev-snp";
import { about, type Check } from "@constellation/verdict";

const { check, fail } = about("executables.firmware");

/** A guest that is not launched yet, and the MEASUREMENT that it is to have. */
export interface LaunchPrediction {
  readonly name: string;
  readonly input: LaunchInput;
  /** 48 bytes, or a guest that can't be launched so. */
  readonly expected: Uint8Array | "refused";
}

/** Judges whether the prediction is the expected one. */
export function judgeLaunchPrediction({ name, input, expected }: LaunchPrediction): Check {
  const code = "launch_measurement";
  try {
    const got = predictLaunchMeasurement(input);
    if (expected === "refused") return fail(name, code, { got: hex(got), wanted: "a refusal" });
    return check(equalConstantTime(got, expected), name, code, hex(got), hex(expected));
  } catch (error) {
    if (!(error instanceof SevSnpError)) throw error;
    return check(
      expected === "refused",
      name,
      code,
      error.message,
      expected === "refused" ? "a refusal" : hex(expected),
    );
  }
}
