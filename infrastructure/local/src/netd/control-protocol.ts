import type { CaptureStatus } from "./capture.ts";
import type { PortConfig } from "./config.ts";
import type { Backend } from "./load-balancer.ts";
import type { PortStatus } from "./port-listener.ts";

/** A command to netd: one JSON document per line on its control socket. */
export type NetdCommand =
  | { command: "add-port"; port: PortConfig }
  | { command: "remove-port"; name: string }
  | { command: "set-backends"; backends: Backend[] }
  | { command: "set-host-ports"; hostPorts: number[] }
  | { command: "capture-start"; path: string }
  | { command: "capture-stop" }
  | { command: "status" };

/** What netd knows of itself. */
export interface NetdStatus {
  pid: number;
  hostPorts: number[];
  ports: Record<string, PortStatus>;
  drops: Record<string, number>;
  backends: Backend[];
  /** `name:port` of the backends that did not accept when they were last tried. */
  failures: string[];
  capture: CaptureStatus | null;
}

/** The answer to a command, one line too. */
export type NetdReply = { ok: true; result: unknown } | { ok: false; error: string };

/** Longest line either side takes. */
export const MAX_LINE_BYTES = 1024 * 1024;
