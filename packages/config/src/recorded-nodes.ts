import type { NodeRecord, State } from "./state-schema.ts";

/** The machines on record, whoever made them. */
export function recordedNodes({ infrastructure }: State): readonly NodeRecord[] {
  return infrastructure.qemu?.nodes ?? infrastructure.nodes ?? [];
}
