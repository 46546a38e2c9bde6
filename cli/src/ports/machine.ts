/** What commands need to know of this computer. */
export interface MachinePort {
  platform(): { readonly os: string; readonly architecture: string };
  cpuCount(): number;
  memory(): { readonly totalMiB: number; readonly availableMiB: number };
  /** Free space on the file system that holds a folder (or will hold it). */
  freeDiskMiB(folder: string): Promise<number>;
  /** Hexadecimal SHA-256 of a file; undefined if there is none. */
  sha256(path: string, signal: AbortSignal): Promise<string | undefined>;
  /** Text of a file; undefined if there is none. */
  readText(path: string): Promise<string | undefined>;
  fileSizeBytes(path: string): Promise<number | undefined>;
}
