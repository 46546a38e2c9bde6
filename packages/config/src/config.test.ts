import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCount, parseConfig } from "./config.ts";
import { ConfigError } from "./errors.ts";
import { MEASUREMENTS } from "./fixtures.ts";
import { generateQemuConfig } from "./generate-config.ts";

const good = generateQemuConfig({ image: "constellation.raw", measurements: MEASUREMENTS, name: "mini" });

function refusal(yaml: string): ConfigError {
  try {
    parseConfig(yaml);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new assert.AssertionError({ message: "the configuration was accepted" });
}

test("parseConfig() reads what was generated", () => {
  const config = parseConfig(good);
  assert.equal(config.name, "mini");
  assert.equal(config.provider.qemu.vcpus, 2);
  assert.equal(config.attestation.qemuVTPM?.measurements["4"]?.expected, MEASUREMENTS[4]);
  assert.equal(nodeCount(config, "control-plane"), 3);
  assert.equal(nodeCount(config, "worker"), 1);
});

test("parseConfig() fills in what may be left out", () => {
  const lines = good
    .split("\n")
    .filter((line) => !/customEndpoint|internalLoad|serviceCIDR|tags|registryM|vcpus|zone|accel/.test(line));
  const config = parseConfig(lines.join("\n"));
  assert.equal(config.serviceCIDR, "10.96.0.0/12");
  assert.equal(config.provider.qemu.accel, "auto");
  assert.deepEqual(config.registryMirrors, {});
});

const KMS = `keyManagement:
  kms: kms://kmip?address=a.example&caFile=/credentials/ca
  credentials: { ca: kms/ca.crt }
`;

test("parseConfig() reads an external KMS, and none where there is none", () => {
  assert.equal(parseConfig(good).keyManagement, undefined);
  assert.deepEqual(parseConfig(good + KMS).keyManagement, {
    kms: "kms://kmip?address=a.example&caFile=/credentials/ca",
    storage: "",
    credentials: { ca: "kms/ca.crt" },
  });
});

const WRONG_KMS: readonly [string, string, string, string][] = [
  [KMS.replace("kms://kmip", "kmip"), "keyManagement.kms", '"kmip?', 'the URI of a KMS, "kms://'],
  [KMS.replace("kmip?", "cluster-kms?"), "keyManagement.kms", '"kms://cluster-kms"', 'one of "kms://aws"'],
  [KMS.replace("/credentials/ca", "/etc/ca"), "keyManagement.kms.caFile", '"/etc/ca"', 'one of "/credentials/ca"'],
  [KMS.replace("{ ca:", "{ a/b:"), "keyManagement.credentials", "the key", "a name of letters"],
  [
    KMS.replace("ca: kms/ca.crt", "ca: kms/ca.crt, x: y"),
    "keyManagement.credentials",
    '"x", which no URI',
    "/credentials/x",
  ],
  [
    `${KMS}  storage: storage://kubernetes\n`,
    "keyManagement.storage",
    '"storage://kubernetes"',
    'one of "storage://aws"',
  ],
  [`${KMS}  storage: s3://b\n`, "keyManagement.storage", '"s3://b"', 'the URI of a store, "storage://'],
  [`${KMS}  key: x\n`, "keyManagement.key", '"x"', "no field of this name"],
];
for (const [section, path, got, wanted] of WRONG_KMS) {
  test(`parseConfig() refuses ${path}: ${got}`, () => {
    const [finding] = refusal(good + section).findings;
    assert.ok(finding !== undefined);
    assert.ok(finding.path.startsWith(path), finding.path);
    assert.ok(finding.got.startsWith(got), finding.got);
    assert.ok(finding.wanted.startsWith(wanted), finding.wanted);
  });
}

// Text replaced, its replacement, and the one finding that follows: path, got, start of wanted.
const WRONG: readonly [string | RegExp, string, string, string, string][] = [
  ["image: constellation.raw", "image: 3", "image", "3", "the path of a node image"],
  ["image: constellation.raw", "image: v1.0.0", "image", '"v1.0.0"', "the path of a node image, ending in .raw"],
  ["name: mini", "name: Mini", "name", '"Mini"', "1 to 37 lower-case letters"],
  ["name: mini", `name: ${"m".repeat(38)}`, "name", `"${"m".repeat(38)}"`, "1 to 37 lower-case letters"],
  ["name: mini", "name: mini-", "name", '"mini-"', "1 to 37 lower-case letters"],
  ["name: mini", "name:", "name", "an empty value", "1 to 37 lower-case letters"],
  ["name: mini", "", "name", "nothing", "1 to 37 lower-case letters"],
  ["kubernetesVersion: v1.36.4", "kubernetesVersion: v1.30", "kubernetesVersion", '"v1.30"', '"v1.36.4"'],
  ["microserviceVersion: v0.1.0", "microserviceVersion: v9.0.0", "microserviceVersion", '"v9.0.0"', '"v0.1.0"'],
  ["debugCluster: false", 'debugCluster: "false"', "debugCluster", '"false"', "true or false"],
  [
    'customEndpoint: ""',
    "customEndpoint: a_b.example",
    "customEndpoint",
    '"a_b.example"',
    "a host name after RFC 1123",
  ],
  ["internalLoadBalancer: false", "internalLoadBalancer: true", "internalLoadBalancer", "true", "false: provider qemu"],
  ["10.96.0.0/12", "10.96.0.1/12", "serviceCIDR", '"10.96.0.1/12"', "an IPv4 network"],
  ["10.96.0.0/12", "fd00::/8", "serviceCIDR", '"fd00::/8"', "an IPv4 network"],
  ["10.96.0.0/12", "10.096.0.0/12", "serviceCIDR", '"10.096.0.0/12"', "an IPv4 network"],
  ["tags: {}", "tags: {a: 1}", "tags.a", "1", "a string"],
  ["tags: {}", "tags: []", "tags", "[]", "a mapping of tags"],
  [
    "registryMirrors: {}",
    "registryMirrors: {docker.io: http://a}",
    'registryMirrors["docker.io"]',
    '"http://a"',
    "a list of URLs",
  ],
  [
    "registryMirrors: {}",
    "registryMirrors: {docker.io: []}",
    'registryMirrors["docker.io"]',
    "[]",
    "a list with at least one",
  ],
  [
    "registryMirrors: {}",
    "registryMirrors: {docker.io: [ftp://a]}",
    'registryMirrors["docker.io"][0]',
    '"ftp://a"',
    "an http or https URL",
  ],
  [
    "registryMirrors: {}",
    "registryMirrors: {d: [http://u:p@a]}",
    "registryMirrors.d[0]",
    '"http://u:p@a"',
    "an http or https URL",
  ],
  [
    "registryMirrors: {}",
    "registryMirrors: {../x: [http://a]}",
    'registryMirrors["../x"]',
    'the key "../x"',
    "a registry host",
  ],
  ["vcpus: 2", "vcpus: 1", "provider.qemu.vcpus", "1", "a whole number from 2 to 256"],
  ["vcpus: 2", "vcpus: 2.5", "provider.qemu.vcpus", "2.5", "a whole number from 2 to 256"],
  ["memory: 4096", "memory: 4GiB", "provider.qemu.memory", '"4GiB"', "a whole number from 2048 to 1048576 (MiB)"],
  ["imageFormat: raw", "imageFormat: qcow2", "provider.qemu.imageFormat", '"qcow2"', '"raw"'],
  ["accel: auto", "accel: hvf", "provider.qemu.accel", '"hvf"', 'one of "auto", "kvm", "tcg"'],
  ["provider:\n", "provider:\n  aws: {}\n", "provider.aws", "{}", "no field of this name"],
  ["vcpus: 2", "vcpu: 2", "provider.qemu.vcpu", "2", 'no field of this name (did you mean "vcpus"?)'],
  [
    /worker_default:\n/,
    "Worker:\n      role: worker\n      initialCount: 1\n  worker_default:\n",
    "nodeGroups.Worker",
    'the key "Worker"',
    "a node group name",
  ],
  [/worker_default:/, "workers:", "nodeGroups.worker_default", "nothing", 'a node group of role "worker"'],
  [
    "role: worker",
    "role: control-plane",
    "nodeGroups.worker_default.role",
    '"control-plane"',
    '"worker", as the group',
  ],
  ["role: worker", "role: storage", "nodeGroups.worker_default.role", '"storage"', 'one of "control-plane", "worker"'],
  ["initialCount: 3", "initialCount: 0", "nodeGroups.control_plane_default.initialCount", "0", "at least 1"],
  [
    "initialCount: 3",
    "initialCount: -1",
    "nodeGroups.control_plane_default.initialCount",
    "-1",
    "a whole number from 0",
  ],
  ['zone: ""', "zone: eu", "nodeGroups.control_plane_default.zone", '"eu"', "an empty string"],
  [
    "stateDiskSizeGB: 10",
    "stateDiskSizeGB: 20",
    "nodeGroups.worker_default.stateDiskSizeGB",
    "10",
    "20, as in the first",
  ],
  [
    /expected: "a1.*"/,
    "expected: 1234",
    "attestation.qemuVTPM.measurements.4.expected",
    "1234",
    "64 hexadecimal digits",
  ],
  [
    /expected: "a1.*"/,
    `expected: "${"12".repeat(31)}"`,
    "attestation.qemuVTPM.measurements.4.expected",
    `"${"12".repeat(31)}"`,
    "64 hexadecimal digits",
  ],
  [
    /expected: "a1.*"/,
    `expected: "${"1234".repeat(16)}"`,
    "attestation.qemuVTPM.measurements.4.expected",
    `"${"1234".repeat(16)}"`,
    "64 hexadecimal digits in quotes, not the placeholder",
  ],
  [/ {6}4:/, "      16:", "attestation.qemuVTPM.measurements.16", 'the key "16"', "a PCR index from 0 to 15"],
  [
    / {6}15:\n\s+expected: ".*"/,
    `      15:\n        expected: "${"1".repeat(64)}"`,
    "attestation.qemuVTPM.measurements.15.expected",
    `"${"1".repeat(64)}"`,
    "64 zeros",
  ],
];

for (const [text, replacement, path, got, wanted] of WRONG) {
  test(`parseConfig() refuses ${path} where it is ${got}`, () => {
    const changed = good.replace(text, replacement);
    assert.notEqual(changed, good);
    const { code, findings, message } = refusal(changed);
    assert.equal(code, "invalid-fields");
    const finding = findings.find((candidate) => candidate.path === path);
    assert.ok(finding, message);
    assert.equal(finding.got, got);
    assert.ok(finding.wanted.startsWith(wanted), finding.wanted);
  });
}

test("parseConfig() lists all wrong fields at once, of schema and rules", () => {
  const changed = good
    .replace("vcpus: 2", "vcpus: 0")
    .replace("debugCluster: false", "debugCluster: no way")
    .replace("internalLoadBalancer: false", "internalLoadBalancer: true")
    .replace(/ {6}11:/, "      10:");
  assert.deepEqual(
    refusal(changed).findings.map(({ path }) => path),
    ["debugCluster", "provider.qemu.vcpus", "internalLoadBalancer", "attestation.qemuVTPM.measurements.11"],
  );
  assert.match(
    refusal(changed).message,
    /^Read constellation-conf\.yaml failed: 4 fields are wrong\n {2}- debugCluster: got "no way", wanted true or false\n/,
  );
});

test("parseConfig() refuses an empty list of measurements, which would accept anybody", () => {
  const changed = good.replace(/measurements:\n[\s\S]*/, "measurements: {}\n");
  assert.equal(refusal(changed).findings.length, 4);
});

test("parseConfig() refuses keys that are written twice, also as number and as string", () => {
  const twice = refusal(`${good}\nname: other\n`);
  assert.equal(twice.code, "duplicate-key");
  assert.match(twice.message, /line \d+, column 1: got the key "name" again, wanted each key once/);
  const again = good.replace(/ {6}9:/, '      "4":');
  assert.equal(refusal(again).code, "duplicate-key");
});

test("parseConfig() refuses unknown keys that JavaScript treats in a way of its own", () => {
  for (const key of ["__proto__", "constructor", "hasOwnProperty"]) {
    assert.ok(
      refusal(`${good}\n${key}: {}\n`).findings.some(({ path }) => path === key),
      key,
    );
  }
});

test("parseConfig() refuses other versions with a hint, and text that is no YAML with the place", () => {
  const old = refusal(good.replace("version: v4", "version: v3"));
  assert.equal(old.code, "version");
  assert.match(old.hint ?? "", /config generate/);
  const broken = refusal("a: [\nb");
  assert.equal(broken.code, "syntax");
  assert.match(broken.message, /line 2, column/);
  for (const text of ["", "[]", "text", "version: v4"]) assert.equal(refusal(text).code, "invalid-fields");
});

test("parseConfig() reads measurements in upper case as the same values", () => {
  const config = parseConfig(good.replace(MEASUREMENTS[4], MEASUREMENTS[4].toUpperCase()));
  assert.equal(config.attestation.qemuVTPM?.measurements["4"]?.expected, MEASUREMENTS[4]);
});
