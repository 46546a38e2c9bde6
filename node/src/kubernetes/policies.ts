import type { TimingProfile } from "@constellation/cluster-state";
import { PATHS } from "../options.ts";
import { timingOf } from "./timing.ts";

/** Names of the files that the API server reads, all in one directory that its pod mounts read-only. */
export const POLICY_FILES = {
  audit: "audit-policy.yaml",
  admission: "admission.yaml",
  authentication: "authentication.yaml",
  encryption: "encryption.yaml",
} as const;

/** What is encrypted in etcd: what holds secrets, and what holds the records that decide who may be what (T5). */
const ENCRYPTED_RESOURCES = ["secrets", "configmaps"];

/** Namespaces whose pods must be allowed what system services need. */
const PRIVILEGED_NAMESPACES = ["kube-system"];

/**
 * What is written down about requests: who did what to which object, never the contents. Noise without meaning for an
 * investigation (leases, events, health, watches of the components) is left out.
 */
export function auditPolicy(): object {
  return {
    apiVersion: "audit.k8s.io/v1",
    kind: "Policy",
    omitStages: ["RequestReceived"],
    omitManagedFields: true,
    rules: [
      { level: "None", nonResourceURLs: ["/healthz*", "/livez*", "/readyz*", "/version", "/openapi/*"] },
      { level: "None", resources: [{ group: "coordination.k8s.io", resources: ["leases"] }] },
      { level: "None", resources: [{ group: "", resources: ["events"] }, { group: "events.k8s.io" }] },
      {
        level: "None",
        userGroups: ["system:nodes", "system:serviceaccounts:kube-system"],
        verbs: ["get", "list", "watch"],
        resources: [{ group: "", resources: ["nodes", "nodes/status", "pods", "services", "endpoints", "configmaps"] }],
      },
      { level: "Metadata" },
    ],
  };
}

/**
 * Secrets and ConfigMaps are encrypted before they reach etcd, under seeds that the agent's KMS plugin wraps. There is no
 * other provider: what is not encrypted can't be read. The file names a socket and holds no key.
 */
export function encryptionConfiguration(profile: TimingProfile): object {
  const kms = {
    apiVersion: "v2",
    name: "constellation",
    endpoint: `unix://${PATHS.kmsSocket}`,
    timeout: timingOf(profile).kmsTimeout,
  };
  return {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [{ resources: ENCRYPTED_RESOURCES, providers: [{ kms }] }],
  };
}

/**
 * Pod security: upstream's default of enforcing nothing that a namespace does not ask for, but each pod beyond the
 * "baseline" standard is warned about and stands in the audit log.
 */
export function admissionConfiguration(): object {
  return {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "AdmissionConfiguration",
    plugins: [
      {
        name: "PodSecurity",
        configuration: {
          apiVersion: "pod-security.admission.config.k8s.io/v1",
          kind: "PodSecurityConfiguration",
          defaults: {
            enforce: "privileged",
            "enforce-version": "latest",
            audit: "baseline",
            "audit-version": "latest",
            warn: "baseline",
            "warn-version": "latest",
          },
          exemptions: { usernames: [], runtimeClasses: [], namespaces: PRIVILEGED_NAMESPACES },
        },
      },
    ],
  };
}

/** Without credentials only the health of the API server can be asked for. */
export function authenticationConfiguration(): object {
  return {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "AuthenticationConfiguration",
    jwt: [],
    anonymous: { enabled: true, conditions: [{ path: "/livez" }, { path: "/readyz" }, { path: "/healthz" }] },
  };
}
