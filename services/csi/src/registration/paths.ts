/** Folders of registration, below the kubelet's own. */
export interface RegistrationFolders {
  /** The kubelet's folder: /var/lib/kubelet. */
  readonly kubelet: string;
  /** Where vendors' registrars put their sockets. */
  readonly shadow: string;
  /** Where the kubelet looks. */
  readonly registry: string;
}

/** The folders below the kubelet's. */
export function registrationFolders(kubelet: string): RegistrationFolders {
  return { kubelet, shadow: `${kubelet}/constellation-plugins`, registry: `${kubelet}/plugins_registry` };
}

/** The socket on which the layer serves CSI for one driver; a unix socket's path has room for about 100 characters. */
export function layerSocket({ kubelet }: RegistrationFolders, driver: string): string {
  return `${kubelet}/plugins/csi.constellation.internal/${driver}.sock`;
}

/** The socket on which the kubelet hears of it. */
export function registrationSocket({ registry }: RegistrationFolders, driver: string): string {
  return `${registry}/constellation-${driver}-reg.sock`;
}

/** Whether a socket in the kubelet's folder is one of the layer's. */
export function isOwnRegistration(path: string): boolean {
  return /\/constellation-[^/]+-reg\.sock$/.test(path);
}
