import type { DiskOfNode, FreshDisk, Member, Platform } from "./node.ts";

/**
 * Where a node is on its way. What a step needs is in its state, so no step can run before what it stands on.
 *
 * | state     | what happens                                              | next                       |
 * |-----------|-----------------------------------------------------------|----------------------------|
 * | platform  | metadata, TPM, address                                    | disk                       |
 * | disk      | header read and compared; formatted when fresh            | fresh, rejoin, finish, reset |
 * | fresh     | init server (control plane) and join client; first wins   | finish, reset              |
 * | rejoin    | key of the known disk from the cluster or the operator    | finish                     |
 * | finish    | steps after the commit, each repeatable                   | run                        |
 * | run       | services of a member, to the end                          | -                          |
 * | reset     | disk wiped, machine rebooted                              | -                          |
 */
export type State =
  | { kind: "platform" }
  | { kind: "disk"; platform: Platform }
  | { kind: "fresh"; platform: Platform; disk: DiskOfNode; fresh: FreshDisk }
  | { kind: "rejoin"; platform: Platform; disk: DiskOfNode; generation: number }
  | { kind: "finish"; platform: Platform; member: Member }
  | { kind: "run"; platform: Platform; member: Member }
  | { kind: "reset"; disk: DiskOfNode; reason: string };

export type StateKind = State["kind"];

/** The states that may follow each state. `machine.ts` checks each transition against it. */
export const TRANSITIONS: Readonly<Record<StateKind, readonly StateKind[]>> = {
  platform: ["disk"],
  disk: ["fresh", "rejoin", "finish", "reset"],
  fresh: ["finish", "reset"],
  rejoin: ["finish"],
  finish: ["run"],
  run: [],
  reset: [],
};
