import type { ProgramImage } from '../loader/image.ts';
import type { Machine } from '../machine/machine.ts';
import type { Outcome } from '../machine/outcome.ts';
import type { SectionCounts } from '../machine/sections.ts';
import type { StepPolicyName } from '../stepping/registry.ts';
import type { Finding } from '../validate/finding.ts';
import { type FindingReport, reportFindings } from './run-findings.ts';

export const RUN_REPORT_SCHEMA = { name: 'rseq-testbed/run', version: 1 } as const;

/** Ended from outside before the guest was through. */
export interface Interrupted {
  readonly kind: 'interrupted';
}

/** The settings that, with the guest, determine a run under the default scheduler. */
export interface RunSettings {
  readonly kernel: string;
  readonly cpus: number;
  readonly seed: number;
  readonly tick: number;
}

/** What `emulate` and `replay` tell about one run: the JSON output, key for key. */
export interface RunReport extends RunSettings {
  readonly schema: typeof RUN_REPORT_SCHEMA;
  readonly guest: { readonly path: string; readonly sha256: string };
  readonly engine: string;
  readonly memoryModel: 'SC';
  readonly outcome: Outcome | Interrupted;
  readonly tasks: number;
  readonly instructions: number;
  readonly preemptions: number;
  readonly migrations: number;
  readonly signals: number;
  readonly sections: SectionCounts & { readonly inFlight: number };
  /** Where tasks were caught, most often first. */
  readonly abortsAt: readonly {
    readonly address: string;
    readonly symbol: string;
    readonly count: number;
  }[];
  /** What validators found, in the order in which it came up. */
  readonly findings: readonly FindingReport[];
  readonly decisions: number;
  readonly stateHash: string;
  readonly replayCommand: string;
  /** Only of a run in which a task was stepped. */
  readonly stepping?: SteppingReport;
}

/** Which task was stepped, and how often. */
export interface SteppingReport {
  readonly task: number;
  readonly policy: StepPolicyName;
  readonly steps: number;
}

/** Collects the report of the run that `machine` has just finished, or was stopped in. */
export function reportRun(
  machine: Machine,
  image: ProgramImage,
  settings: RunSettings,
  replayCommand: string,
  findings: readonly Finding[] = [],
): RunReport {
  const { counts, sections } = machine;
  const ended = sections.counts;
  const abortsAt = [...sections.abortsAt]
    .sort(([addressA, a], [addressB, b]) => b - a || addressA - addressB)
    .map(([address, count]) => ({
      address: `0x${address.toString(16)}`,
      symbol: image.symbols.format(address),
      count,
    }));
  return {
    schema: RUN_REPORT_SCHEMA,
    guest: { path: image.path, sha256: image.sha256 },
    engine: machine.engineId,
    ...settings,
    memoryModel: 'SC',
    outcome: machine.outcome ?? { kind: 'interrupted' },
    tasks: machine.kernel.state.tasks.length,
    ...counts,
    sections: {
      ...ended,
      inFlight: ended.entered - ended.committed - ended.aborted - ended.exited,
    },
    abortsAt,
    findings: reportFindings(findings),
    decisions: machine.decisionCount,
    stateHash: machine.stateHash(),
    replayCommand,
  };
}
