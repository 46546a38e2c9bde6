/** Ports of a cluster's endpoint. */
export const PORTS = { init: 9000, recover: 9999, verify: 30081 } as const;
