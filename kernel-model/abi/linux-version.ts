/** A mainline release, as `major.minor`. */
export interface LinuxVersion {
  readonly major: number;
  readonly minor: number;
}

/** Reads `5.15`; asserts nothing about whether there was such a release. `undefined` for other text. */
export function parseVersion(text: string): LinuxVersion | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})$/.exec(text);
  return match === null ? undefined : { major: Number(match[1]), minor: Number(match[2]) };
}

/** Negative, zero or positive as `a` is older than, as old as or newer than `b`. */
export function compareVersions(a: LinuxVersion, b: LinuxVersion): number {
  return a.major - b.major || a.minor - b.minor;
}

/** Whether `version` is `since` or newer; `since` is written `6.3`. */
export function isAtLeast(version: LinuxVersion, since: string): boolean {
  const first = parseVersion(since);
  return first !== undefined && compareVersions(version, first) >= 0;
}
