/** How a device is made: as it is, or as a storage class of the image has it. */
export const KINDS = ["plain", "encrypted", "integrity"] as const;
/** One of them. */
export type Kind = (typeof KINDS)[number];

/** What the script finds of its machine's processor. */
export interface Cpu {
  readonly model: string;
  /** Whether it has AES instructions. */
  readonly aes: boolean;
}

/** First uses of new volumes of one kind and size. */
export interface FirstUse {
  readonly kind: Kind;
  readonly gibibytes: number;
  /** One for each round. */
  readonly rounds: readonly { readonly totalMs: number; readonly partsMs: Readonly<Record<string, number>> }[];
}

/** Time that each round took, for one device. */
export interface Transfers {
  readonly writeMs: readonly number[];
  readonly readMs: readonly number[];
  readonly randomReadMs: readonly number[];
}

/** What is moved in each round. */
export interface TransferSizes {
  readonly sequentialBytes: number;
  readonly blockBytes: number;
  readonly randomReads: number;
  readonly randomReadBytes: number;
}

/** What the script in the pod prints. */
export interface Report {
  readonly cpu: Cpu;
  /** The kernel's drivers of the ciphers in use, by cipher. */
  readonly drivers: Readonly<Record<string, string>>;
  readonly firstUses: readonly FirstUse[];
  readonly sizes: TransferSizes;
  readonly transfers: Readonly<Record<Kind, Transfers>>;
}
