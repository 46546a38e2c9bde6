/** The configuration file's name in a workspace. */
export const CONFIG_FILE = "constellation-conf.yaml";

/** The state file's name in a workspace. */
export const STATE_FILE = "constellation-state.yaml";

/** The master secret file's name in a workspace. */
export const MASTER_SECRET_FILE = "constellation-mastersecret.json";

/** Version of the configuration document. */
export const CONFIG_VERSION = "v4";

/** Version of the state document. */
export const STATE_VERSION = "v1";

/** Version of this release: of the command line, of the node image it fits and of the services inside. */
export const RELEASE_VERSION = "v0.1.0";

/** Kubernetes versions that node images of this release bring along. */
export const SUPPORTED_KUBERNETES_VERSIONS = ["v1.36.4"] as const;
