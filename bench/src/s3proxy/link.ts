import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Place } from "@constellation/s3proxy/testing/minio";

const run = promisify(execFile);

/** Addresses for measuring (RFC 2544 appendix C.2.2): of this side of the link, and of the store. */
const NEAR = "198.18.0.1/30";
const FAR = "198.18.0.2/30";
/** Both directions of a link may send this much at once; the longest packet that the kernel hands on is a quarter. */
const BURST = "256k";
const QUEUE = "50ms";

/** A network namespace of its own, behind a link of a bounded rate. */
export interface Link {
  readonly place: Place;
  close(): Promise<void>;
}

/**
 * Makes a link, with both directions held to `rate` by the kernel's token bucket (tc-tbf(8)).
 * @param rate as tc writes it, for example `1gbit`
 * @throws where this user may not, or iproute2 is not there; nothing is left then
 */
export async function openLink(rate: string): Promise<Link> {
  const name = `constellation-bench-${process.pid}`;
  const [near, far] = [`cb${process.pid}n`, `cb${process.pid}f`];
  const inside = ["ip", "netns", "exec", name];
  const shape = (device: string) => `tc qdisc add dev ${device} root tbf rate ${rate} burst ${BURST} latency ${QUEUE}`;
  await command(`ip netns add ${name}`);
  // With the namespace goes its end of the link, and with that the other.
  const close = (): Promise<void> => command(`ip netns delete ${name}`);
  try {
    await command(`ip link add ${near} type veth peer name ${far} netns ${name}`);
    for (const line of [
      `ip address add ${NEAR} dev ${near}`,
      `ip link set ${near} up`,
      shape(near),
      `${inside.join(" ")} ip address add ${FAR} dev ${far}`,
      `${inside.join(" ")} ip link set ${far} up`,
      `${inside.join(" ")} ip link set lo up`,
      `${inside.join(" ")} ${shape(far)}`,
    ]) {
      await command(line);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { place: { enter: inside, address: FAR.replace(/\/.*/, "") }, close };
}

async function command(line: string): Promise<void> {
  const [program = "", ...args] = line.split(" ");
  await run(program, args);
}
