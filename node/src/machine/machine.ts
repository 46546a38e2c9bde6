import { NodeError } from "../errors.ts";
import type { Dependencies } from "./node.ts";
import { type State, type StateKind, TRANSITIONS } from "./state.ts";

/** One step: does the work of its state and gives the next state. A step without a next one ends with the signal. */
export type Step<K extends StateKind> = (
  state: Extract<State, { kind: K }>,
  dependencies: Dependencies,
  signal: AbortSignal,
) => Promise<State | undefined>;

/** A step for every state. */
export type Steps = { readonly [K in StateKind]: Step<K> };

/** Runs the node from a state to the end. A failed step fails the agent; systemd starts it again. */
export async function runMachine(
  steps: Steps,
  dependencies: Dependencies,
  signal: AbortSignal,
  first: State = { kind: "platform" },
): Promise<void> {
  let state: State = first;
  for (;;) {
    dependencies.log.info("state entered", { state: state.kind });
    dependencies.console(`state: ${state.kind}`);
    const next = await step(steps, state, dependencies, signal);
    if (next === undefined) return;
    if (!TRANSITIONS[state.kind].includes(next.kind)) {
      const wanted = TRANSITIONS[state.kind].join(", ");
      throw new NodeError("state", `Leave state "${state.kind}" failed: got "${next.kind}", wanted "${wanted}"`);
    }
    state = next;
  }
}

function step<K extends StateKind>(
  steps: Steps,
  state: Extract<State, { kind: K }>,
  dependencies: Dependencies,
  signal: AbortSignal,
): Promise<State | undefined> {
  return (steps[state.kind] as Step<K>)(state, dependencies, signal);
}
