import { type NodeRecord, type State, withState } from "@constellation/config";

/** Workers whose removal has begun and is not known to be finished. */
export function removedWorkers(state: State): readonly NodeRecord[] {
  return state.infrastructure.qemu?.removing ?? [];
}

/** Those of them whose machines there still are. */
export function leavingWorkers(state: State): readonly NodeRecord[] {
  return removedWorkers(state).filter((record) => hasMachine(state, record));
}

/** Those of them whose machines have been ended. A new machine of the same name has another endorsement identity. */
export function goneWorkers(state: State): readonly NodeRecord[] {
  return removedWorkers(state).filter((record) => !hasMachine(state, record));
}

/** A state with these workers, and no others, on their way out. */
export function withRemovedWorkers(state: State, removing: readonly NodeRecord[]): State {
  const { qemu } = state.infrastructure;
  if (qemu === undefined) return state;
  const list = removing.length === 0 ? undefined : [...removing];
  return withState(state, { infrastructure: { qemu: { ...qemu, removing: list } } });
}

function hasMachine(state: State, { ekDigest }: NodeRecord): boolean {
  return state.infrastructure.qemu?.nodes.some((node) => node.ekDigest === ekDigest) ?? false;
}
