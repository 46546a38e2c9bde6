import { test } from "node:test";
import { hasComponent, KubeApiserver } from "@constellation/testkit/kube-apiserver";
import { nodeTools } from "../node/tools.ts";
import { vaultCompliance, type VaultUnderTest } from "../testing/vault-compliance.ts";
import { VaultServer } from "../testing/vault-server.ts";
import type { VaultCredentialOptions } from "./vault-token.ts";

const POLICY_NAME = "constellation";
/** That of docs/kms.md, for keys of any name. */
const POLICY = `
path "transit/encrypt/+" { capabilities = ["update"] }
path "transit/decrypt/+" { capabilities = ["update"] }
path "transit/keys/+"    { capabilities = ["read"] }
`;
const ROLE = "kms";
const NAMESPACE = "kube-system";
const ACCOUNT = "key-service";

type Logins = Pick<VaultUnderTest, "login" | "wrongLogin">;

if (hasComponent("vault")) {
  vaultCompliance("Vault, login by a token in a file", () => startVault(tokenLogins));
  vaultCompliance("Vault, login by AppRole", () => startVault(approleLogins));
  vaultCompliance("Vault, login by Kubernetes", async () => {
    const cluster = await KubeApiserver.start();
    try {
      const vault = await startVault((server) => kubernetesLogins(server, cluster));
      return { ...vault, stop: () => Promise.all([vault.stop(), cluster.stop()]).then(() => undefined) };
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  });
} else {
  test("Vault itself", { skip: "it is built by 'make vault'" });
}

async function startVault(makeLogins: (server: VaultServer) => Promise<Logins>): Promise<VaultUnderTest> {
  const server = await VaultServer.start();
  try {
    await server.call("POST", "sys/mounts/transit", { type: "transit" });
    await server.call("POST", `sys/policies/acl/${POLICY_NAME}`, { policy: POLICY });
    return {
      ...(await makeLogins(server)),
      fetch: server.fetch,
      readFile: nodeTools().readFile,
      address: server.address,
      administrator: { from: "token-file", path: server.rootTokenFile },
      destroyKey: async (name) => {
        await server.call("POST", `transit/keys/${name}/config`, { deletion_allowed: true });
        await server.call("DELETE", `transit/keys/${name}`);
      },
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function tokenLogins(server: VaultServer): Promise<Logins> {
  const { auth } = await server.call("POST", "auth/token/create", { policies: [POLICY_NAME] });
  const token = async (name: string, content: string): Promise<VaultCredentialOptions> => ({
    from: "token-file",
    path: await server.file(name, content),
  });
  return {
    login: await token("token", textOf(auth, "client_token")),
    wrongLogin: await token("wrong-token", "hvs.wrong"),
  };
}

async function approleLogins(server: VaultServer): Promise<Logins> {
  await server.call("POST", "sys/auth/approle", { type: "approle" });
  await server.call("POST", `auth/approle/role/${ROLE}`, { token_policies: [POLICY_NAME] });
  const { data: role } = await server.call("GET", `auth/approle/role/${ROLE}/role-id`);
  const { data: secret } = await server.call("POST", `auth/approle/role/${ROLE}/secret-id`);
  const approle = async (name: string, content: string): Promise<VaultCredentialOptions> => ({
    from: "approle",
    mount: "approle",
    roleId: textOf(role, "role_id"),
    secretIdPath: await server.file(name, content),
  });
  return {
    login: await approle("secret-id", `${textOf(secret, "secret_id")}\n`),
    wrongLogin: await approle("wrong-secret-id", "00000000-0000-4000-8000-000000000000"),
  };
}

async function kubernetesLogins(server: VaultServer, cluster: KubeApiserver): Promise<Logins> {
  await server.call("POST", "sys/auth/kubernetes", { type: "kubernetes" });
  await server.call("POST", "auth/kubernetes/config", {
    kubernetes_host: `https://${cluster.host}:${cluster.port}`,
    kubernetes_ca_cert: cluster.pki.clusterCa.certificatePem,
    token_reviewer_jwt: await reviewerToken(cluster),
  });
  await server.call("POST", `auth/kubernetes/role/${ROLE}`, {
    bound_service_account_names: [ACCOUNT],
    bound_service_account_namespaces: [NAMESPACE],
    token_policies: [POLICY_NAME],
  });
  const kubernetes = async (account: string): Promise<VaultCredentialOptions> => {
    const jwt = await cluster.createServiceAccount(NAMESPACE, account);
    return { from: "kubernetes", mount: "kubernetes", role: ROLE, jwtPath: await server.file(account, jwt) };
  };
  return { login: await kubernetes(ACCOUNT), wrongLogin: await kubernetes("stranger") };
}

/** A token with which Vault may ask the API server whose a token is. */
async function reviewerToken(cluster: KubeApiserver): Promise<string> {
  const name = "vault";
  const token = await cluster.createServiceAccount(NAMESPACE, name);
  await cluster.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "system:auth-delegator" },
    subjects: [{ kind: "ServiceAccount", name, namespace: NAMESPACE }],
  });
  return token;
}

function textOf(object: unknown, member: string): string {
  const value = (object as Record<string, unknown> | undefined)?.[member];
  if (typeof value !== "string") throw new Error(`Read answer of Vault failed: got no "${member}", wanted text`);
  return value;
}
