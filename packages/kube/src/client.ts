import { KubeApi, type KubeLimits } from "./api.ts";
import { type InClusterOptions, inClusterApi } from "./in-cluster.ts";
import { parseKubeconfig } from "./kubeconfig.ts";

/** `KubeApi` with the ways to make one. Pods use the entry `@constellation/kube/in-cluster`, which has no YAML in it. */
export class KubeClient extends KubeApi {
  /** A client for the current context of a kubeconfig that has its certificates inside. @throws KubeError */
  static fromKubeconfig(yamlText: string, limits: Partial<KubeLimits> = {}): KubeApi {
    const { server, credentials } = parseKubeconfig(yamlText);
    return new KubeApi(server, () => Promise.resolve(credentials), limits);
  }

  /** A client with a pod's service account; token and CA are read again for each call. */
  static inCluster(options: InClusterOptions, limits: Partial<KubeLimits> = {}): KubeApi {
    return inClusterApi(options, limits);
  }
}
