import type { DebugShell } from "./debug-shell.ts";
import { minutes } from "./wait.ts";

const ETCDCTL =
  "P=$(pgrep -x etcd | head -1); nsenter -t $P -m -- /usr/local/bin/etcdctl --endpoints=https://127.0.0.1:2379 " +
  "--dial-timeout=60s --command-timeout=60s " +
  "--cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt " +
  "--key=/etc/kubernetes/pki/etcd/healthcheck-client.key";
const ANSWER_MS = minutes(3);

/** The members of etcd, as a control plane's own knows them. */
export function etcdMembers(shell: DebugShell): Promise<string> {
  return shell.run(`${ETCDCTL} member list`, ANSWER_MS);
}

/** What etcd has of a Secret of namespace "default": its printable characters. */
export function storedSecret(shell: DebugShell, name: string): Promise<string> {
  return shell.run(
    `${ETCDCTL} get --print-value-only /registry/secrets/default/${name} | tr -dc '[:print:]'`,
    ANSWER_MS,
  );
}
