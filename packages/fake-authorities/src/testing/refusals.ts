/** Which check refuses evidence because of a field of a policy: its name and code, by the field's path; `*` is any. */
const REFUSALS: readonly (readonly [field: RegExp, refusal: (...groups: string[]) => string])[] = [
  [/^sevSnp\.roots$/, () => "caChain ca_chain_*"],
  [/^sevSnp\.revocation\.thisUpdate\.value$/, () => "caChain.crl.thisUpdate crl_this_update"],
  [/^sevSnp\.cspId\b/, () => "endorsementCert.cspId csp_id"],
  [/^sevSnp\.report\.products\.\w+$/, () => "report.product product"],
  [/^sevSnp\.report\.products\.\w+\.(\w+)\.(\w+)$/, (tcb, svn) => `report.${tcb}Tcb.${svn} ${tcb}_tcb_${snake(svn)}`],
  [/^sevSnp\.report\.(current|committed)\b/, (name) => `report.${name} ${name}_version`],
  [/^sevSnp\.report\.policy\.abi\b/, () => "report.policy.abi policy_abi"],
  [/^sevSnp\.report\.(\w+)\.(\w+)\.\w+$/, (group, name) => `report.${group}.${name} ${snake(group)}_${snake(name)}`],
  [/^sevSnp\.report\.(\w+)\.\w+$/, (name) => `report.${name} ${snake(name)}`],
  [/^tdx\.roots$/, () => "* *_chain_*"],
  [/^tdx\.collateral\.thisUpdate\.(\w+)\.value$/, (crl) => `${crl}.thisUpdate ${snake(crl)}_this_update`],
  [/^tdx\.quote\.TDATTRIBUTES\.DEBUG\b/, () => "TDATTRIBUTES.DEBUG td_debug"],
  [/^tdx\.quote\.TDATTRIBUTES\.(\w+)\.anyOf$/, (name) => `TDATTRIBUTES.${name} td_attributes`],
  [/^tdx\.quote\.SEAMATTRIBUTES\.anyOf$/, () => "SEAMATTRIBUTES seam_attributes"],
  [/^tdx\.quote\.([A-Z0-9]+)\.anyOf$/, (name) => `${name} ${name.toLowerCase()}`],
  [/^tdx\.quote\.tcb\.acceptedTcbStatuses$/, () => "tcb.tcbStatus tcb_status"],
  [/^tdx\.quote\.tcb\.minimum\w+$/, () => "tcb.tcbEvaluationDataNumber tcb_evaluation_data_number"],
  [/^nitroTpm\.roots$/, () => "cabundle cabundle_*"],
  [/^nitroTpm\.document\.pcrs\.(\d+)\.anyOf$/, (index) => `document.nitrotpm_pcrs.${index} pcr`],
  [/^nitroTpm\.document\.(\w+)\b/, (name) => `document.${snake(name)} ${snake(name)}`],
  [/^vtpm\.akCertificate\.roots$/, () => "akCertificate.chain chain_*"],
  [/^vtpm\.eventLog\.explained$/, () => "eventLog.pcr[16] eventlog_pcr_mismatch"],
  [/^vtpm\.pcrs\.sha256\.(\d+)\.anyOf$/, (index) => `pcr[${index}] pcr_mismatch`],
  [/^vmConfiguration\.(\w+)\.anyOf$/, (name) => `vmConfiguration.${snake(name, "-")} vm_configuration_${snake(name)}`],
];

/** What refuses evidence under a policy that was changed at a path; undefined for a field that no check is known for. */
export function refusalOf(path: readonly string[]): RegExp | undefined {
  const [part = "", ...rest] = path;
  if (part === "machines") return /^machine machine_not_allowed$/;
  // An Azure machine has its parts one level down, and the names of its checks tell only the machine and its TPM.
  const field = part !== "azure" ? path.join(".") : rest.join(".");
  const place = part === "azure" && rest[0] === "vtpm" ? "azure.vtpm" : part;
  for (const [pattern, refusal] of REFUSALS) {
    const groups = pattern.exec(field);
    if (groups) return wildcards(`${place}.${refusal(...groups.slice(1))}`);
  }
  return undefined;
}

function wildcards(text: string): RegExp {
  return new RegExp(`^${text.replaceAll(/[.[\]]/g, "\\$&").replaceAll("*", ".*")}$`);
}

function snake(name: string, separator = "_"): string {
  return name.replaceAll(/(?<=[a-z0-9])(?=[A-Z])|(?<=[a-z])(?=\d{3})/g, separator).toLowerCase();
}
