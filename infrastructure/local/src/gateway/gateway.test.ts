import assert from "node:assert/strict";
import { test } from "node:test";
import { parseForwards } from "./gateway.ts";

test("parseForwards() lists forwards and leaves connections out", () => {
  const text = [
    "Hub 0 (slirp):",
    "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ",
    "  TCP[SYN_SENT]      15     127.77.1.12  6443      10.42.0.12  6443     0     0",
    "  TCP[HOST_FORWARD]  13     127.77.1.12  6443      10.42.0.12  6443     0     0",
    "  TCP[HOST_FORWARD]  12     127.77.1.11  9000      10.42.0.11  9001     0     0",
    "",
  ].join("\r\n");
  assert.deepEqual(parseForwards(text), [
    { hostAddress: "127.77.1.12", hostPort: 6443, guestAddress: "10.42.0.12", guestPort: 6443 },
    { hostAddress: "127.77.1.11", hostPort: 9000, guestAddress: "10.42.0.11", guestPort: 9001 },
  ]);
});
