import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { clusterIdPcr, type QemuVtpmPolicy } from "@constellation/attestation";
import { fromHex } from "@constellation/bytes";
import { DiskKey } from "@constellation/keys";
import type { OpenedKeyManagement } from "@constellation/kms/root";
import type { KeyChange, OpenedDisk } from "../disk/state-disk.ts";
import { NodeError } from "../errors.ts";
import { joinServicePolicy } from "../join/appraiser.ts";
import type { AttesterOfNode } from "../platform/attester.ts";
import type { InitHandler } from "../init/endpoint.ts";
import type { EtcdKeyring } from "../kms/etcd-keyring.ts";
import { EtcdKeys } from "../kms/etcd-keys.ts";
import type { DiskContent } from "@constellation/luks";
import type { Dependencies, DiskOfNode, Platform } from "../machine/node.ts";
import { DEFAULT_OPTIONS, PATHS } from "../options.ts";
import { createKeyPair, issueSelfSigned, privateKeyPem } from "../pki/certificate.ts";
import { parseArea, RECOVERY_AREA, type RecoverySlot } from "../recovery/slot.ts";
import type { Endpoint } from "../run/api-proxy.ts";

/** A time at which everything made here is valid. */
export const NOW = new Date("2026-01-01T00:00:00Z");

/** A TPM that keeps its PCR 15. */
export class FakeTpm implements AttesterOfNode {
  readonly machineDigest: Uint8Array = new Uint8Array(32).fill(0xe1);
  readonly caCertificate: Uint8Array = new Uint8Array([1, 2, 3]);
  marker = "00".repeat(32);

  issue(): Promise<Uint8Array> {
    return Promise.resolve(new TextEncoder().encode("evidence"));
  }

  readPcrs(): Promise<Map<number, Uint8Array>> {
    const value = (index: number): Uint8Array => (index === 15 ? fromHex(this.marker) : new Uint8Array(32).fill(index));
    return Promise.resolve(new Map(Array.from({ length: 16 }, (_, index) => [index, value(index)])));
  }

  async joinPolicy(): Promise<QemuVtpmPolicy> {
    return joinServicePolicy(this.caCertificate, await this.readPcrs());
  }

  isMarked(): Promise<boolean> {
    return Promise.resolve(this.marker !== "00".repeat(32));
  }

  markWithClusterId(clusterId: Uint8Array): Promise<void> {
    const wanted = clusterIdPcr(clusterId);
    if (this.marker !== wanted && this.marker !== "00".repeat(32)) {
      return Promise.reject(new NodeError("cluster_mismatch", "Extend cluster ID failed: got another"));
    }
    this.marker = wanted;
    return Promise.resolve();
  }
}

/** A state disk in memory, with the same rule as the real one: a key slot, a copy of it, and the commit. */
class FakeDisk implements DiskOfNode {
  /** What is on the disk, and survives the agent and the machine. */
  platter: { content: DiskContent; key?: DiskKey } = { content: { kind: "fresh", reason: "no header" } };
  /** The mapping, which survives the agent only. */
  mapping = false;
  #copy: DiskKey | undefined;
  /** Both slots of sealed records, as on the real disk. */
  recovery = new Uint8Array(RECOVERY_AREA.slots * RECOVERY_AREA.slotBytes);
  #staged: Uint8Array | undefined;

  readRecovery(): Promise<readonly RecoverySlot[]> {
    return Promise.resolve(parseArea(this.recovery).map(({ slot }) => slot));
  }

  stageRecovery(slot: Uint8Array | undefined): Promise<void> {
    this.#staged = slot;
    return Promise.resolve();
  }

  async writeRecovery<Slot extends { readonly bytes: Uint8Array } | undefined>(
    seal: (sequence: number) => Promise<Slot>,
  ): Promise<Slot> {
    const [newest] = parseArea(this.recovery);
    const slot = await seal((newest?.slot.sequence ?? 0) + 1);
    const index = newest === undefined ? 0 : (newest.index + 1) % RECOVERY_AREA.slots;
    if (slot !== undefined) this.recovery.set(slot.bytes, index * RECOVERY_AREA.slotBytes);
    return slot;
  }

  inspect(): Promise<DiskContent> {
    return Promise.resolve(this.platter.content);
  }

  createFresh(): Promise<DiskKey> {
    const passphrase = new DiskKey(new Uint8Array(32).fill(0xaa));
    this.platter = { content: { kind: "fresh", reason: "not marked as initialised" }, key: passphrase };
    this.mapping = true;
    this.#copy = passphrase;
    return Promise.resolve(passphrase);
  }

  /** Why a change of the key fails. */
  changeFailure: unknown;

  open(key: DiskKey, _signal: AbortSignal, change?: KeyChange): Promise<OpenedDisk> {
    const { content } = this.platter;
    if (content.kind !== "initialised" || this.platter.key?.equals(key) !== true) {
      return Promise.reject(new NodeError("disk", "no key available"));
    }
    this.mapping = true;
    const { generation } = content;
    if (change === undefined) return Promise.resolve({ generation });
    if (this.changeFailure !== undefined) return Promise.resolve({ generation, failure: this.changeFailure });
    const changed = { kind: "initialised", generation: change.generation } as const;
    this.platter = { content: changed, key: new DiskKey(change.key.reveal()) };
    return Promise.resolve({ generation: change.generation });
  }

  isOpen(): Promise<boolean> {
    return Promise.resolve(this.mapping);
  }

  replaceKey(current: DiskKey, next: DiskKey): Promise<void> {
    if (this.#copy?.equals(current) !== true) return Promise.reject(new NodeError("disk", "no key available"));
    this.#copy = new DiskKey(next.reveal());
    return Promise.resolve();
  }

  commit(generation: number): Promise<void> {
    if (this.#copy === undefined) return Promise.reject(new NodeError("disk", "no header copy"));
    this.recovery.fill(0);
    if (this.#staged !== undefined) this.recovery.set(this.#staged);
    this.platter = { content: { kind: "initialised", generation }, key: this.#copy };
    return Promise.resolve();
  }

  wipe(): Promise<void> {
    this.platter = { content: { kind: "fresh", reason: "no header" } };
    this.recovery.fill(0);
    return Promise.resolve();
  }
}

/** A whole node made of fakes, with real files in a directory of its own. */
export class FakeNode {
  readonly root = mkdtempSync(join(tmpdir(), "constellation-node-"));
  readonly tpm = new FakeTpm();
  readonly disk = new FakeDisk();
  /** What happened, in order. */
  readonly events: string[] = [];
  readonly applied: string[] = [];
  readonly consoleLines: string[] = [];
  /** Messages of level info. */
  readonly logged: string[] = [];
  endpoints: readonly Endpoint[] = [];
  initHandler: InitHandler | undefined;
  /** Secrets of kube-system. */
  readonly secrets = new Map<string, ReadonlyMap<string, Uint8Array>>();
  /** What every KMS URI opens. */
  externalKms: OpenedKeyManagement | undefined;
  /** What the KMS plugin serves. */
  kms: EtcdKeyring | undefined;
  /** The machine's time since its boot. */
  uptimeMs = 1;
  #etcdKeys: EtcdKeys | undefined;
  /** Names an event whose action fails; once. */
  failAt: string | undefined;
  platform: Platform = {
    metadata: { role: "control-plane", controlPlaneAddresses: [] },
    address: "127.0.0.1",
    attester: this.tpm,
    diskUuid: "5c7c0000-0000-8000-8000-000000000000",
  };

  get dependencies(): Dependencies {
    const event = (name: string) => (): Promise<void> => this.event(name);
    return {
      options: { ...DEFAULT_OPTIONS, root: this.root, manifestsDirectory: join(this.root, "manifests") },
      exec: () => Promise.reject(new Error("no program may be started")),
      log: { debug() {}, info: (message) => void this.logged.push(message), warn() {}, error() {} },
      console: (text) => this.consoleLines.push(text),
      systemd: {
        start: (unit) => this.event(`start ${unit}`),
        reboot: event("reboot"),
        journalTail: () => Promise.resolve("the journal's tail"),
      },
      cluster: {
        apply: (objects) => {
          const isSecrets = objects.some(({ kind }) => kind === "Secret");
          return this.#apply(isSecrets ? "apply secrets" : "apply manifests", JSON.stringify(objects));
        },
        readSecret: (_, name) => {
          const entries = this.secrets.get(name);
          // Each answer is the reader's own, who overwrites what is secret in it.
          return Promise.resolve(entries && new Map([...entries].map(([key, value]) => [key, Uint8Array.from(value)])));
        },
        requireReady: event("ready"),
      },
      kubeadm: {
        createCertificates: async () => {
          await this.event("certificates");
          this.writeCa();
        },
        initControlPlane: async () => {
          await this.event("kubeadm init");
          this.write(PATHS.adminConf, "clusters:\n- cluster:\n    server: https://127.0.0.1:7443\n");
        },
        joinEtcd: event("kubeadm join etcd"),
        joinControlPlane: event("kubeadm join"),
      },
      now: () => NOW,
      openPlatform: () => Promise.resolve(this.platform),
      openDisk: () => this.disk,
      mountState: event("mount"),
      syncState: event("sync"),
      startRuntime: event("runtime"),
      setHostname: event("hostname"),
      writeRegistryMirrors: event("mirrors"),
      openKms: (keyManagement) => {
        this.events.push(`open ${keyManagement.kms}`);
        const kms = this.externalKms;
        return kms === undefined ? Promise.reject(new Error("no KMS in this test")) : Promise.resolve(kms);
      },
      apiProxy: { setEndpoints: (endpoints) => (this.endpoints = endpoints) },
      services: {
        openEvidence: event("serve evidence"),
        openInitDoor: event("serve init"),
        setInitHandler: (handler) => {
          this.initHandler = handler;
        },
        openKms: (ring) => {
          this.kms = ring;
          return this.event("serve kms");
        },
        close: event("close services"),
      },
      etcdKeys: this.etcdKeys,
    };
  }

  get etcdKeys(): EtcdKeys {
    return (this.#etcdKeys ??= new EtcdKeys(this.root + PATHS.etcdKeys, () => this.uptimeMs));
  }

  /** The agent ends and is started again: what it had in memory is gone, what is in /run stays. */
  restartAgent(): void {
    this.#etcdKeys = undefined;
    this.kms = undefined;
    this.initHandler = undefined;
    this.events.length = 0;
  }

  /** Notes an event, or fails at it. */
  event(name: string): Promise<void> {
    if (this.failAt === name) {
      this.failAt = undefined;
      return Promise.reject(new NodeError("kubernetes", `${name} failed by test`));
    }
    this.events.push(name);
    return Promise.resolve();
  }

  /** The machine is switched off and on: mappings and PCRs are gone, disk and files stay. */
  reboot(): void {
    this.disk.mapping = false;
    this.tpm.marker = "00".repeat(32);
    rmSync(`${this.root}/run`, { recursive: true, force: true });
    this.restartAgent();
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(this.root + path), { recursive: true });
    writeFileSync(this.root + path, text);
  }

  /** A cluster CA, where kubeadm puts it. */
  writeCa(): void {
    const { publicKey, privateKey } = createKeyPair();
    const notAfter = new Date("2036-01-01T00:00:00Z");
    const request = { subject: { commonName: "kubernetes" }, publicKey, usage: "ca", altNames: [] } as const;
    this.write(`${PATHS.pki}/ca.crt`, issueSelfSigned({ ...request, notBefore: NOW, notAfter }, privateKey));
    this.write(`${PATHS.pki}/ca.key`, privateKeyPem(privateKey));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  #apply(name: string, text: string): Promise<void> {
    return this.event(name).then(() => {
      this.applied.push(text);
    });
  }
}
