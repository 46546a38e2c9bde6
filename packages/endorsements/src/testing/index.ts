/** For tests: vendors' services on loopback, and a world whose time the test makes. */
export { FakeKds } from "./fake-kds.ts";
export { FakePcs, PCS_PATHS } from "./fake-pcs.ts";
export {
  type FakeAnswer,
  FakeServer,
  type Fault,
  HANGS_UP,
  says,
  SAYS_NOTHING,
  type SeenRequest,
  STALLS,
  streams,
  TRUNCATES,
} from "./fake-server.ts";
export { FAKE_NOW, FAKE_SEV_SNP, FAKE_TDX, FakeWorld } from "./world.ts";
