import type { RuleGuest } from '../guests.ts';

/** A guest of `rules/` as it is built: the manifest adds the files. */
type RuleGuestBuild = Omit<RuleGuest, 'files'>;

/** The kernel that findings are expected under, unless others differ. */
const KERNEL = '6.18';

/** Source in guest/rules/, rule that it trips, and what it is. */
const BROKEN: readonly (readonly [name: string, rule: string, title: string])[] = [
  ['r01-flags', 'R1', 'a descriptor with a flag'],
  ['r02-alignment', 'R2', 'a descriptor at a multiple of 16'],
  ['r03-empty', 'R3', 'an empty section'],
  ['r04-abort-inside', 'R4', 'the handler inside the section'],
  ['r05-signature', 'R5', 'another signature'],
  ['r06-boundary', 'R6', 'an end inside an instruction'],
  ['r07-gap', 'R7', 'a gap behind the store that arms'],
  ['r07-halves', 'R7', 'a store in two halves'],
  ['r07-other', 'R7', 'another section armed'],
  ['r08-no-compare', 'R8', 'no comparison of the CPU'],
  ['r08-other-index', 'R8', 'a comparison of another reading'],
  ['r09-cpu-id', 'R9', 'an index from cpu_id'],
  ['r10-after-commit', 'R10', 'an instruction behind the commit'],
  ['r10-two-commits', 'R10', 'two commits'],
  ['r10-behind-end', 'R10', 'a commit behind the end'],
  ['r11-repeat', 'R11', 'a repeated commit'],
  ['r11-lock', 'R11', 'a lock prefix'],
  ['r12-same-place', 'R12', 'an early store to the place of the commit'],
  ['r12-shared', 'R12', 'an early store to what was read'],
  ['r13-read-back', 'R13', 'a value read back'],
  ['r14-system-call', 'R14', 'a system call'],
  ['r15-call', 'R15', 'a call'],
  ['r16-push', 'R16', 'a push and a pop'],
  ['r17-side-entry', 'R17', 'an entry from the side'],
  ['r19-exit', 'R19', 'an exit that is not listed'],
  ['r19-indirect', 'R19', 'an indirect jump'],
  ['r20-nested', 'R20', 'a section in a section'],
  ['r21-no-rearm', 'R21', 'a retry that is not armed'],
  ['r21-changed', 'R21', 'an input that is changed'],
  ['r22-computed', 'R22', 'a handler that relies on what was computed'],
  ['r23-spin', 'R23', 'a loop without a bound'],
  ['r23-long', 'R23', 'a long section'],
  ['r24-trap', 'R24', 'a trap'],
  ['r26-twice', 'R26', 'a descriptor listed twice'],
  ['r26-unlisted', 'R26', 'a descriptor that is not listed'],
  ['r29-non-temporal', 'R29', 'a non-temporal store'],
];

/** Source in guest/rules/accepted-*.S: code that is only unusual. */
const ACCEPTED: readonly (readonly [name: string, title: string])[] = [
  ['accepted-early-exit', 'early exit'],
  ['accepted-beyond-cursor', 'beyond cursor'],
  ['accepted-cached-pointer', 'cached pointer'],
  ['accepted-derived-pointer', 'derived pointer'],
  ['accepted-rearm', 'rearm'],
  ['accepted-nopl', 'nopl'],
  ['accepted-bare', 'bare'],
  ['accepted-bounded-loop', 'bounded loop'],
  ['accepted-two-sites', 'two sites'],
  ['accepted-two-descriptors', 'two descriptors'],
  ['accepted-consistent-read', 'consistent read'],
  ['accepted-cpu-words', 'cpu words'],
];

/** What some kernels find otherwise. */
const OTHER_KERNELS: Readonly<Record<string, RuleGuest['findings']>> = {
  'r01-flags': { '5.15': [] },
};

function build(
  name: string,
  title: string,
  rules: readonly string[],
  fixed: boolean,
): RuleGuestBuild {
  return {
    name: fixed ? `${name}-fixed` : name,
    description: fixed ? `${title}: put right` : title,
    source: `rules/${name}.S`,
    defines: fixed ? ['FIXED'] : [],
    args: [],
    findings: { [KERNEL]: rules, ...(fixed ? {} : OTHER_KERNELS[name]) },
  };
}

/** For each rule of binaries the smallest guests that break it and their fixed twins, and odd ones. */
export const ruleGuestBuilds: readonly RuleGuestBuild[] = [
  ...BROKEN.flatMap(([name, rule, title]) => [
    build(name, title, [rule], false),
    build(name, title, [], true),
  ]),
  ...ACCEPTED.map(([name, title]) => build(name, title, [], false)),
];
