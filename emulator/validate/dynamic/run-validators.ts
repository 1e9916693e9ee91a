import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import { assert } from '../../../kernel-model/assert.ts';
import type { Kernel } from '../../../kernel-model/kernel.ts';
import type { ArmedRegion, KernelProfile } from '../../../kernel-model/rseq/variant.ts';
import { taskOf } from '../../../kernel-model/sched/run-queue.ts';
import type { Task, TaskId } from '../../../kernel-model/task/task.ts';
import type { AccessLog } from '../../engine/access-log.ts';
import type { CpuException } from '../../engine/engine.ts';
import type { ProgramImage } from '../../loader/image.ts';
import type { Machine } from '../../machine/machine.ts';
import { isPass, type Outcome } from '../../machine/outcome.ts';
import type { SectionEnd } from '../../machine/sections.ts';
import {
  FILTER_ENTRIES,
  FILTER_GRANULE_SHIFT,
  FILTER_MASK,
  type RunWatcher,
  type WatcherImage,
} from '../../machine/watcher.ts';
import type { Finding, FindingSection } from '../finding.ts';
import { RULES, type RuleId } from '../rules/registry.ts';
import type { AbiFamily, Rule } from '../rules/rule.ts';
import { RSEQ_CS_FAMILIES } from '../rules/rule.ts';
import { outcomeOfFindings } from '../verdict.ts';
import { familyOf } from './abi-family.ts';
import { disassemble } from './disassemble.ts';
import {
  type BoundedRegion,
  holds,
  isBounded,
  type KnownSection,
  KnownSections,
} from './known-sections.ts';
import { discardedBy } from './ordering/discarded.ts';
import { Owners } from './owners.ts';
import { VALIDATORS } from './registry.ts';
import { type Attempt, begin, granulesOf, type Leftover, ValidationState } from './state.ts';
import { storedValue } from './stored-value.ts';
import { ValidationImage } from './validation-image.ts';
import type { Call, Calling, Report, ValidatedRun, Validator, WatchedStore } from './validator.ts';
import { withEarlyStore } from './validators/early-stores.ts';

const INSTRUCTION_BYTES_MAX = 15;
/** Bits of an entry of the filter of addresses: what its granules may hold. */
const WATCHED = 1;
const IDS = 2;
/** A word to which some section commits. */
const OWNED = 4;

/**
 * The validators of one run: give it to Machine.boot, and ask for its findings at any time. After
 * `reset` it serves another run of the same program.
 */
export class RunValidators implements RunWatcher, ValidatedRun {
  readonly instructionFilter = new Uint8Array(FILTER_ENTRIES);
  readonly addressFilter = new Uint8Array(FILTER_ENTRIES);
  readonly regions: readonly BoundedRegion[];
  readonly family: AbiFamily;
  readonly state = new ValidationState();
  readonly #machine: Machine;
  readonly #image: ProgramImage;
  readonly #sections = new KnownSections((section) => this.#filterCode(section));
  readonly #validators: readonly Validator[];
  readonly #onStore: readonly NonNullable<Validator['onStore']>[];
  readonly #onStart: readonly NonNullable<Validator['onStart']>[];
  /** The armed attempt begun last, while nothing had happened in it: most begin like the last one. */
  #fresh: Attempt | undefined;
  readonly #owners = new Owners();
  #saved: ValidationImage | undefined;
  #calling: Calling | undefined;

  constructor(
    machine: Machine,
    image: ProgramImage,
    profile: KernelProfile,
    validators: readonly Validator[] = Object.values<Validator>(VALIDATORS),
  ) {
    this.#machine = machine;
    this.#image = image;
    this.family = familyOf(profile);
    this.#validators = validators.filter(({ rules }) => rules.some((id) => this.#appliesTo(id)));
    this.#onStart = this.#validators.flatMap(({ onStart }) => onStart ?? []);
    this.#onStore = this.#validators.flatMap(({ onStore }) => onStore ?? []);
    this.regions = RSEQ_CS_FAMILIES.includes(this.family) ? this.#sections.mark(image) : [];
  }

  get kernel(): Kernel {
    return this.#machine.kernel;
  }

  /** Violations so far, each place once, in the order in which they came up. */
  get findings(): readonly Finding[] {
    return this.state.findings;
  }

  /**
   * Whether two tasks stored to a word of some CPU in a way that is right only if something orders them:
   * that takes a look at all accesses of the same run (see Ordering).
   */
  get isSuspicious(): boolean {
    return this.#owners.suspicions.size > 0;
  }

  /** Names of the pairs of instructions that make it so. */
  get suspicions(): ReadonlySet<string> {
    return this.#owners.suspicions;
  }

  get decision(): number {
    return this.#machine.decisionCount - 1;
  }

  get lastCall(): Calling | undefined {
    return this.#calling;
  }

  #appliesTo(id: RuleId): boolean {
    const rule: Rule = RULES[id];
    return rule.families.includes(this.family);
  }

  /** A run that would pass ends as its first error; how else one ended says more. */
  verdict(outcome: Outcome): Outcome {
    for (const { onEnd } of this.#validators) onEnd?.(this, outcome);
    return isPass(outcome) ? (outcomeOfFindings(this.findings) ?? outcome) : outcome;
  }

  stored(
    task: Task,
    armed: ArmedRegion | undefined,
    log: AccessLog,
    index: number,
    retired: number,
  ): void {
    const instruction = log.instruction(index);
    const address = log.address(index);
    const attempt = this.state.attempts[task.id];
    const isCommit =
      armed !== undefined && attempt?.armed === armed && attempt.section.commit === instruction;
    if (isCommit) this.#noteCommit(task, address, instruction);
    if (isCommit && this.#isOrdinary(task, attempt, address)) return;
    const protecting = this.#protecting(task, armed, instruction);
    const section =
      protecting !== undefined && isBounded(protecting)
        ? this.#learn(task, protecting)
        : this.sectionAt(instruction);
    if (section !== undefined && protecting !== undefined) this.#admit(task, section, protecting);
    const sizeBytes = log.sizeBytes(index);
    const value = storedValue(log, index);
    // A store that arms, by a thread that has not registered.
    if (section !== undefined && value === section.region.source) return;
    const code = section?.code.get(instruction);
    const store: WatchedStore = {
      task,
      armed: protecting,
      section,
      code,
      address,
      sizeBytes,
      value,
      instruction,
      retired,
    };
    if (section === undefined) this.#suspect(task, address, instruction);
    for (const onStore of this.#onStore) onStore(this, store);
    if (code !== undefined && !code.isLast) this.#noteEarly(store);
  }

  #noteCommit(task: Task, address: number, instruction: number): void {
    this.#owners.commit(task, address, instruction);
    const entry = filterEntry(address);
    this.addressFilter[entry] = (this.addressFilter[entry] ?? 0) | OWNED;
  }

  /** A store from outside to a word that another task, which is alive, committed to. */
  #suspect(task: Task, address: number, instruction: number): void {
    const owner = this.#owners.of(address);
    if (owner === undefined || owner.task === task.id) return;
    const { kind } = taskOf(this.kernel.state, owner.task).state;
    if (kind !== 'dead') this.#owners.suspect(owner, instruction);
  }

  /** A call that throws away words to which other tasks, which are alive, committed. */
  #suspectDiscard({ task, name, args, result, address }: Call): void {
    const { space } = this.kernel.rseqContext(task).memory;
    const range = discardedBy(name, args, result, () => space.mappings);
    if (range === undefined) return;
    for (const word of this.#owners.words(range)) this.#suspect(task, word, address);
  }

  /** A section that arms from within is met for the first time after its first instruction. */
  #admit(task: Task, section: KnownSection, armed: ArmedRegion): void {
    if (this.state.attempts[task.id]?.section === section) return;
    if (!this.#machine.sections.isTracked(task.id)) return;
    this.state.setAttempt(task.id, begin(section, armed));
  }

  /** A commit as it should be, to a place that concerns nobody else: most are. */
  #isOrdinary(task: Task, { intrusions }: Attempt, address: number): boolean {
    if (intrusions.length > 0) return false;
    const watched = (this.addressFilter[filterEntry(address)] ?? 0) & ~OWNED;
    if (watched === 0) return true;
    const { state } = this;
    return watched === WATCHED && !state.hasLeftovers && !state.isExposed(task.id, address);
  }

  /** The armed region, or the standing one, that holds an instruction. */
  #protecting(task: Task, armed: ArmedRegion | undefined, at: number): ArmedRegion | undefined {
    if (armed !== undefined && holds(armed, at)) return armed;
    const { rseq } = this.kernel.profile;
    const standing = task.rseq && rseq.standingRegions(this.kernel.processOf(task));
    return standing?.find((region) => holds(region, at));
  }

  #noteEarly(store: WatchedStore): void {
    const attempt = this.state.attempts[store.task.id];
    if (attempt === undefined || attempt.section !== store.section) return;
    this.state.setAttempt(store.task.id, withEarlyStore(attempt, store));
  }

  reached(task: Task, armed: ArmedRegion | undefined, address: number): void {
    if (armed?.start === address && isBounded(armed)) {
      if (this.#fresh?.armed !== armed) this.#fresh = begin(this.#learn(task, armed), armed);
      this.#know(this.#fresh.section);
      this.#start(task, this.#fresh);
      return;
    }
    const section = this.#sections.startingAt(address);
    if (section !== undefined && this.#isKnown(section)) {
      this.#start(task, begin(section, undefined));
      return;
    }
    if (this.state.attempts[task.id]?.section.region.end === address) {
      this.state.setAttempt(task.id, undefined);
    }
  }

  #start(task: Task, attempt: Attempt): void {
    this.state.setAttempt(task.id, attempt);
    for (const onStart of this.#onStart) onStart(this, task, attempt);
  }

  sectionEnded(id: TaskId, end: SectionEnd, region: ArmedRegion): void {
    const attempt = this.state.attempts[id];
    // The end of a section may be seen only when the next one has begun.
    if (attempt?.section.region.end !== region.end) return;
    const hasFailed = end === 'aborted' || end === 'exited';
    if (hasFailed) {
      const cause = end === 'aborted' ? 'abort' : 'exit';
      const task = taskOf(this.kernel.state, id);
      for (const { onFailed } of this.#validators) onFailed?.(this, task, attempt, cause);
    }
    const { section, armed } = attempt;
    const left = end === 'exited' ? { ...begin(section, armed), hasLeft: true } : undefined;
    this.state.setAttempt(id, left);
  }

  pausedInside(task: Task): void {
    const attempt = this.state.attempts[task.id];
    if (attempt === undefined) return;
    for (const { onPaused } of this.#validators) onPaused?.(this, task, attempt);
  }

  calling(task: Task, address: number, retired: number): void {
    this.#calling = { address, retired, wasRegistered: task.rseq !== undefined };
    for (const { onCalling } of this.#validators) onCalling?.(this, task, address, retired);
  }

  readonly called: RunWatcher['called'] = (task, { name }, args, result) => {
    const calling = this.#calling;
    assert(calling !== undefined, 'a system call was made');
    const call = { task, name, args, result, ...calling };
    this.#suspectDiscard(call);
    for (const { onCalled } of this.#validators) onCalled?.(this, call);
  };

  trapped(task: Task, exception: CpuException, address: number, retired: number): void {
    for (const { onTrap } of this.#validators) onTrap?.(this, task, exception, address, retired);
  }

  save(): WatcherImage {
    const state = this.state.save();
    const owners = this.#owners.save();
    if (this.#saved?.state !== state || this.#saved.owners !== owners) {
      this.#saved = new ValidationImage(state, owners);
    }
    return this.#saved;
  }

  restore(image: WatcherImage): void {
    assert(image instanceof ValidationImage, 'an image of validators');
    this.#saved = image;
    this.state.restore(image.state);
    this.#owners.restore(image.owners);
  }

  /** Tells states apart that the machine's key takes for the same: see ValidationState. */
  get key(): string {
    return this.state.key;
  }

  /** Forgets what happened; to be called before the next boot. */
  reset(): void {
    this.state.clear();
    this.#owners.clear();
    this.#calling = undefined;
  }

  sectionAt(address: number): KnownSection | undefined {
    return this.#sections.at(address, this.#isKnown);
  }

  /** What other runs, or other paths of a search, have armed is not known in this one. */
  readonly #isKnown = (section: KnownSection): boolean =>
    section.isMarked || this.state.hasLearnt(section);

  watch(address: number, sizeBytes: number): void {
    const [first, end] = granulesOf(address, sizeBytes);
    // A store that begins in the granule before may reach into the first.
    for (let granule = first - 1; granule < end; granule++) this.#watchGranule(granule, WATCHED);
  }

  watchIds(area: number): void {
    const [first, end] = granulesOf(area, RSEQ_AREA.end);
    for (let granule = first - 1; granule < end; granule++) this.#watchGranule(granule, IDS);
  }

  #watchGranule(granule: number, kind: number): void {
    const entry = granule & FILTER_MASK;
    this.addressFilter[entry] = (this.addressFilter[entry] ?? 0) | kind;
  }

  mayHoldIds(address: number): boolean {
    return ((this.addressFilter[filterEntry(address)] ?? 0) & IDS) !== 0;
  }

  leave(leftover: Leftover): void {
    this.watch(leftover.address, leftover.sizeBytes);
    const [first, end] = granulesOf(leftover.address, leftover.sizeBytes);
    for (let granule = first; granule < end; granule++) this.state.setLeftover(granule, leftover);
  }

  describe(task: TaskId, address: number): string {
    const symbol = this.#image.symbols.format(address);
    const { memory } = this.kernel.rseqContext(taskOf(this.kernel.state, task));
    const code = memory.read(address, INSTRUCTION_BYTES_MAX);
    return code === undefined ? symbol : `${symbol} (${disassemble(code, address)})`;
  }

  report({ rule, task, section, address, message, retired }: Report): void {
    if (!this.#appliesTo(rule)) return;
    const isKnown = this.findings.some((known) => known.rule === rule && known.address === address);
    if (isKnown) return;
    const { severity }: Rule = RULES[rule];
    this.state.addFinding({
      rule,
      severity: severity.dynamic ?? 'error',
      ...(section !== undefined && { section: this.#describeSection(section) }),
      address,
      symbol: this.#image.symbols.format(address),
      message: message(),
      task,
      position: { decision: this.decision, instructions: retired },
    });
  }

  #describeSection({ source, start, end, abort }: BoundedRegion): FindingSection {
    return {
      descriptor: source,
      start,
      end,
      ...(abort !== undefined && { abort }),
      name: this.#image.symbols.format(start),
    };
  }

  #learn(task: Task, region: BoundedRegion): KnownSection {
    const section = this.#sections.of(region, (address, length) =>
      this.kernel.rseqContext(task).memory.read(address, length),
    );
    this.#know(section);
    return section;
  }

  #know(section: KnownSection): void {
    if (!this.#isKnown(section)) this.state.learn(section);
  }

  #filterCode({ region }: KnownSection): void {
    for (let at = region.start; at < region.end; at++) this.instructionFilter[at & FILTER_MASK] = 1;
  }
}

function filterEntry(address: number): number {
  return (address >>> FILTER_GRANULE_SHIFT) & FILTER_MASK;
}
