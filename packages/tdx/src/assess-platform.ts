import type { PckTcb } from "./pck-extensions.ts";
import type { LaggingComponent } from "./tcb-assessment.ts";
import type { PlatformTcbLevel, TcbComponent } from "./tcb-info.ts";
import { moduleVersion } from "./verify-tdx-module.ts";

/** The SVNs of a platform: those its PCK certificate was issued for, and those of the TD report. */
export interface PlatformSvns {
  readonly tcb: PckTcb;
  readonly teeTcbSvn: Uint8Array;
}

/**
 * The first level whose every SVN the platform has or exceeds: the list is sorted, newest first (Intel PCS API v4, Get
 * TDX TCB Info, step 3).
 */
export function matchPlatformLevel(
  levels: readonly PlatformTcbLevel[],
  svns: PlatformSvns,
): PlatformTcbLevel | undefined {
  return levels.find((level) => laggingComponents(level, svns).length === 0);
}

/** As `matchPlatformLevel`, by what the PCK certificate says alone. */
export function matchSgxLevel(levels: readonly PlatformTcbLevel[], tcb: PckTcb): PlatformTcbLevel | undefined {
  return levels.find((level) => laggingSgxComponents(level, tcb).length === 0);
}

/** The SVNs of a platform that are below a level. */
export function laggingComponents(level: PlatformTcbLevel, { tcb, teeTcbSvn }: PlatformSvns): LaggingComponent[] {
  // Step 3c: with a major version, the TDX module is judged by its own levels.
  const first = moduleVersion(teeTcbSvn) > 0 ? 2 : 0;
  return [
    ...laggingSgxComponents(level, tcb),
    ...lagging("tdxtcbcomponents", Array.from(teeTcbSvn), level.tdxtcbcomponents, first),
  ];
}

function laggingSgxComponents({ sgxtcbcomponents, pcesvn }: PlatformTcbLevel, tcb: PckTcb): LaggingComponent[] {
  const pce = tcb.PCESVN < pcesvn ? [{ component: "pcesvn", got: tcb.PCESVN, wanted: pcesvn }] : [];
  return [...lagging("sgxtcbcomponents", tcb.components, sgxtcbcomponents, 0), ...pce];
}

function lagging(
  name: string,
  svns: readonly number[],
  components: readonly TcbComponent[],
  first: number,
): LaggingComponent[] {
  return components.flatMap(({ svn: wanted, type }, index) => {
    const got = svns[index] as number;
    if (index < first || got >= wanted) return [];
    return [{ component: `${name}[${index}]${type === undefined ? "" : ` (${type})`}`, got, wanted }];
  });
}
