/**
 * The library API of rseq-testbed: everything that the command line does, with types. Start with
 * `locateUnicorn`, `openMachine` and `loadProgram`, then `Machine.boot` and `Machine.runToEnd`.
 */
export { PROFILE_NAMES, PROFILES } from '../kernel-model/rseq/registry.ts';
export { type KernelLookup, resolveKernel, selectorOf } from '../kernel-model/rseq/resolve.ts';
export type { KernelProfile, RseqVariant } from '../kernel-model/rseq/variant.ts';
export type { ChoicePoint, Decision } from '../kernel-model/sched/decision.ts';
export { compare, type Subject } from './compare/compare.ts';
export { type CompareReport, formatReport } from './compare/report.ts';
export type { Engine, EngineCpu, Exit } from './engine/engine.ts';
export { defaultCacheDir } from './engine/library/cache.ts';
export { locateUnicorn } from './engine/library/locate.ts';
export { UserError } from './errors.ts';
export type { SearchProgress } from './explore/campaign/estimate.ts';
export { CampaignFolder } from './explore/campaign/folder.ts';
export type { SearchJob, StrategyName } from './explore/campaign/job.ts';
export { type CampaignResult, type SearchOptions, search } from './explore/campaign/search.ts';
export type { SearchBounds, SignalSource } from './explore/search/bounds.ts';
export { Explorer, type SearchedProgram } from './explore/search/explorer.ts';
export { SEARCH_STRATEGIES } from './explore/search/registry.ts';
export { runSearch, type SearchResult } from './explore/search/run-search.ts';
export type { Search, SearchStrategy } from './explore/search/search-strategy.ts';
export type { Failure, Tally } from './explore/search/tally.ts';
export type { SearchPlan, SetAsideUnit, WorkUnit } from './explore/search/unit.ts';
export { DefaultStrategy } from './explore/strategies/default.ts';
export { ReplayStrategy } from './explore/strategies/replay.ts';
export type { LoadedProgram, ProgramImage } from './loader/image.ts';
export { loadProgram } from './loader/load.ts';
export { Machine } from './machine/machine.ts';
export { openMachine } from './machine/open.ts';
export { exitStatusOf, isPass, type Outcome } from './machine/outcome.ts';
export type { MachineSnapshot, RunOptions } from './machine/run.ts';
export { formatSchedule, printSchedule, type Schedule } from './machine/schedule.ts';
export { parsePrintedSchedule, parseSchedule } from './machine/schedule-parser.ts';
export { ScheduleDivergence, type ScheduleView, type Strategy } from './machine/strategy.ts';
export { recordSchedule } from './report/recorded-schedule.ts';
export { type RunReport, reportRun } from './report/run-report.ts';
export { describeOutcome, formatSummary } from './report/summary.ts';
export type { StepPolicy, StepPolicyKind, SteppedTask } from './stepping/policy.ts';
export { STEP_POLICIES, STEP_POLICY_NAMES } from './stepping/registry.ts';
export { type SteppingOptions, SteppingSession, type StepRecord } from './stepping/session.ts';
export { RunValidators } from './validate/dynamic/run-validators.ts';
export type { Finding } from './validate/finding.ts';
export { RULES, type RuleId } from './validate/rules/registry.ts';
export type { Rule, Severity } from './validate/rules/rule.ts';
export { type CheckOptions, type CheckOutcome, checkFiles } from './validate/static/check-files.ts';
