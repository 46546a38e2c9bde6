import type { X509ErrorCode } from "@constellation/x509";
import type { SevSnpErrorCode } from "./error.ts";

/** Why `verifyReport` refuses. A closed set; each code belongs to one check, but for `not_checked`. */
export type VerifyCode =
  /** A check that this one depends on failed, so that this one could not run. */
  | "not_checked"
  | Extract<SevSnpErrorCode, `report_${string}`>
  /** The endorsement certificate can't be read; the suffix says why. */
  | `endorsement_cert_${X509ErrorCode}`
  | "endorsement_cert_profile"
  /** A certificate of the CA chain can't be read, or there is no chain to a root; the suffix says why. */
  | `ca_chain_${X509ErrorCode}`
  /** Another chain than VCEK, ASK, ARK or VLEK, ASVK, ARK of one product line. */
  | "ca_chain_profile"
  /** A CRL can't be read or is not a current one of the ARK; the suffix says why. */
  | `revocation_${X509ErrorCode}`
  /** No CRL of the ARK among those given. */
  | "revocation_crl_missing"
  /** The ASK, ASVK or ARK is on a CRL. */
  | "revocation_revoked"
  | "signature_algo"
  /** SIGNING_KEY says that the report is not signed. */
  | "signing_key_none"
  /** SIGNING_KEY is not the kind of the endorsement certificate. */
  | "signing_key_mismatch"
  /** The host keeps the VCEK from signing, and the report is to be by a VCEK. */
  | "mask_chip_key"
  /** The CPU is not of the product line that the endorsement certificate names. */
  | "cpuid_mismatch"
  /** REPORTED_TCB is not the TCB of the endorsement certificate. */
  | "reported_tcb_mismatch"
  /** CHIP_ID is not the HWID of the VCEK. */
  | "chip_id_mismatch"
  /** r or s is zero, not below the group order, or longer than 48 bytes. */
  | "signature_encoding"
  /** The signature is not by the key of the endorsement certificate over these bytes. */
  | "signature_mismatch";

type TcbField = "reported_tcb" | "committed_tcb" | "launch_tcb";
type TcbComponentCode = "fmc" | "boot_loader" | "tee" | "snp" | "microcode";

/** Why `validateReport` refuses: the field that is not as the policy wants it. */
export type ValidateCode =
  | "version"
  | "guest_svn"
  | "policy_abi"
  | "policy_smt"
  | "policy_migrate_ma"
  | "policy_debug"
  | "policy_single_socket"
  | "policy_cxl_allow"
  | "policy_mem_aes_256_xts"
  | "policy_rapl_dis"
  | "policy_ciphertext_hiding"
  | "policy_page_swap_disable"
  | "family_id"
  | "image_id"
  | "vmpl"
  | "platform_info_smt_en"
  | "platform_info_tsme_en"
  | "platform_info_ecc_en"
  | "platform_info_rapl_dis"
  | "platform_info_ciphertext_hiding_dram_en"
  | "platform_info_alias_check_complete"
  | "platform_info_tio_en"
  | "platform_info_reserved"
  | "author_key_en"
  | "signing_key"
  | "report_data"
  | "measurement"
  | "host_data"
  | "id_key_digest"
  | "author_key_digest"
  | "report_id_ma"
  | "chip_id"
  | "current_version"
  | "committed_version"
  /** The firmware that runs is not the committed one, so the host can roll it back. */
  | "provisional_firmware"
  | "launch_mit_vector"
  | "current_mit_vector"
  /** The policy takes no report of this product line. */
  | "product"
  | `${TcbField}_${TcbComponentCode}`;

/** Why an endorsement that is genuine is not acceptable. */
export type EndorsementCode =
  /** The VLEK is another provider's, or it is no VLEK. */
  | "csp_id"
  /** The CRL is from before the time that the policy wants. */
  | "crl_this_update";
