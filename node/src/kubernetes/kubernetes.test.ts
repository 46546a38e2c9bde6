import assert from "node:assert/strict";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { hostsToml, writeRegistryMirrors } from "./containerd-hosts.ts";
import {
  clusterDnsAddress,
  keyServiceAddress,
  kubeletConfiguration,
  kubeletEnvironment,
  nthAddress,
} from "./kubelet-config.ts";
import { readManifests } from "./manifests.ts";

async function withDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "constellation-node-"));
  try {
    await run(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

describe("kubeletConfiguration()", () => {
  const configuration = kubeletConfiguration({
    serviceCidr: "10.96.0.0/12",
    resolvConf: "/etc/resolv.conf",
    timingProfile: "default",
  }) as Record<string, unknown>;

  test("is hardened", () => {
    assert.deepEqual(configuration["authentication"], {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: "/etc/kubernetes/pki/ca.crt" },
    });
    assert.deepEqual(configuration["authorization"], { mode: "Webhook" });
    assert.equal(configuration["readOnlyPort"], 0);
    assert.equal(configuration["protectKernelDefaults"], true);
    assert.equal(configuration["failSwapOn"], true);
    assert.equal(configuration["tlsMinVersion"], "VersionTLS12");
  });

  test("names the cluster's DNS service", () => assert.deepEqual(configuration["clusterDNS"], ["10.96.0.10"]));
});

describe("kubeletEnvironment()", () => {
  const environment = (role: "worker" | "control-plane", timingProfile: "default" | "patient"): string =>
    kubeletEnvironment({ name: "a", address: "10.42.0.10", role, timingProfile });

  test("taints new nodes until the network is there, and control planes for good", () => {
    const worker = environment("worker", "default");
    assert.match(worker, /--register-with-taints=node\.cilium\.io\/agent-not-ready=true:NoExecute /);
    const controlPlane = environment("control-plane", "default");
    assert.match(controlPlane, /NoExecute,node-role\.kubernetes\.io\/control-plane=:NoSchedule /);
    assert.match(controlPlane, /^KUBELET_ARGS=--hostname-override=a --node-ip=10\.42\.0\.10 /);
  });

  test("measures containers less often on emulated machines", () => {
    assert.match(environment("worker", "default"), /--housekeeping-interval=10s$/m);
    assert.match(environment("worker", "patient"), /--housekeeping-interval=60s$/m);
  });
});

describe("nthAddress()", () => {
  test("counts from the start of the range, whatever address names it", () => {
    assert.equal(nthAddress("10.96.0.0/12", 10), "10.96.0.10");
    assert.equal(nthAddress("192.168.7.77/24", 10), "192.168.7.10");
    assert.equal(clusterDnsAddress("172.20.0.0/16"), "172.20.0.10");
    assert.equal(keyServiceAddress("172.20.0.0/16"), "172.20.0.11");
  });
});

describe("writeRegistryMirrors()", () => {
  test("writes a file for each registry and takes old ones away", () =>
    withDirectory(async (directory) => {
      await writeRegistryMirrors(directory, [{ registry: "old.example", endpoints: ["http://a"] }]);
      await writeRegistryMirrors(directory, [{ registry: "_default", endpoints: ["http://10.42.0.1:5000"] }]);
      assert.deepEqual(await readdir(directory), ["_default"]);
      const text = await readFile(join(directory, "_default", "hosts.toml"), "utf8");
      assert.equal(text, hostsToml(["http://10.42.0.1:5000"]));
    }));

  test("names the mirrors in their order", () => {
    assert.equal(
      hostsToml(["http://a", "http://b"]),
      'server = "http://a"\n\n[host."http://a"]\n  capabilities = ["pull", "resolve"]\n\n[host."http://b"]\n  capabilities = ["pull", "resolve"]\n',
    );
  });
});

describe("readManifests()", () => {
  const SETTINGS = { serviceCidr: "10.96.0.0/12", timingProfile: "default" } as const;

  test("knows every setting that our own manifests leave open", () =>
    withDirectory(async (directory) => {
      for (const name of ["constellation.yaml", "coredns.yaml"]) {
        await copyFile(join(import.meta.dirname, "../../../image/manifests", name), join(directory, name));
      }
      const objects = await readManifests(directory, { ...SETTINGS, serviceCidr: "172.20.0.0/16" });
      const service = objects.find(({ kind, metadata }) => kind === "Service" && metadata.name === "key-service");
      assert.deepEqual((service as { spec?: { clusterIP?: string } }).spec?.clusterIP, "172.20.0.11");
    }));

  test("gives the objects of the files by name, with the cluster's settings filled in", () =>
    withDirectory(async (directory) => {
      const service = "apiVersion: v1\nkind: Service\nmetadata: {name: dns}\nspec: {clusterIP: '@@CLUSTER_DNS@@'}\n";
      await writeFile(join(directory, "b.yaml"), `---\n# a comment alone\n---\n${service}`);
      await writeFile(join(directory, "a.yaml"), "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: x\n");
      await writeFile(join(directory, "notes.txt"), "not a manifest");
      assert.deepEqual(await readManifests(directory, SETTINGS), [
        { apiVersion: "v1", kind: "Namespace", metadata: { name: "x" } },
        { apiVersion: "v1", kind: "Service", metadata: { name: "dns" }, spec: { clusterIP: "10.96.0.10" } },
      ]);
    }));

  for (const [timingProfile, cpu] of [
    ["default", "100m"],
    ["patient", "300m"],
  ] as const) {
    test(`gives Cilium's agent ${cpu} of a CPU on ${timingProfile} machines`, () =>
      withDirectory(async (directory) => {
        const text = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {cpu: '@@CILIUM_AGENT_CPU@@'}\n";
        await writeFile(join(directory, "a.yaml"), text);
        const [object] = await readManifests(directory, { ...SETTINGS, timingProfile });
        assert.deepEqual(object, { apiVersion: "v1", kind: "Pod", metadata: { name: "x" }, spec: { cpu } });
      }));
  }

  const unknown = "apiVersion: v1\nkind: Pod\nmetadata: {name: '@@WHATEVER@@'}\n";
  for (const text of ["just text", "a: [", "kind: Pod", unknown]) {
    test(`refuses "${text}"`, () =>
      withDirectory(async (directory) => {
        await writeFile(join(directory, "a.yaml"), text);
        await assert.rejects(readManifests(directory, SETTINGS), { code: "kubernetes" });
      }));
  }
});
