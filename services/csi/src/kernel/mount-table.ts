/** A mount as the kernel sees it (proc_pid_mountinfo(5)). */
export interface Mount {
  /** `major:minor` of the mounted file system's device. */
  readonly device: string;
  /** What of that file system is mounted: "/" for all of it. */
  readonly root: string;
  readonly target: string;
  readonly readOnly: boolean;
  readonly type: string;
}

/** Parses /proc/self/mountinfo. */
export function parseMountTable(text: string): Mount[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [front = "", back = ""] = line.split(" - ");
      const [, , device = "", root = "", target = "", options = ""] = front.split(" ");
      const [type = ""] = back.split(" ");
      const readOnly = options.split(",").includes("ro");
      return { device, root: unescaped(root), target: unescaped(target), readOnly, type };
    });
}

/** Blanks, tabs, line ends and backslashes stand as three octal digits. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
