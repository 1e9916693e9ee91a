import { CLONE } from '../../../kernel-model/abi/clone.ts';
import { assert } from '../../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import type { RegisterName, TaskRegisters } from '../../../kernel-model/hardware/registers.ts';
import { AddressSpace } from '../../../kernel-model/mm/address-space.ts';
import { PROT_READ, PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';
import { PhysicalMemory } from '../../../kernel-model/mm/physical-memory.ts';
import { UserMemory } from '../../../kernel-model/mm/user-memory.ts';
import {
  type KernelProfile,
  NO_PROCESS_RSEQ,
  type RseqContext,
  type RseqEventName,
  type RseqVariant,
} from '../../../kernel-model/rseq/variant.ts';
import { INITIAL_TASK_SIGNALS } from '../../../kernel-model/signal/signal-state.ts';
import {
  NO_SYSCALL,
  NOT_STOPPED,
  type Process,
  type Task,
} from '../../../kernel-model/task/task.ts';

/** A region that a fixture made. */
interface ExpectedRegion {
  readonly start: number;
  readonly end: number;
}

/** What the contract must be told of an ABI to try it. */
export interface VariantFixture {
  /** Tells fixtures of one scheme apart. */
  readonly name?: string;
  /** Registers the task, its memory being [base, base + 4096), as the ABI's system call does. */
  register(context: RseqContext, base: number): void;
  /** Puts a section of the ABI there and the task into it; returns what must then be armed. */
  arm(context: RseqContext, base: number): ExpectedRegion | undefined;
  /** How sections are armed; by a store if left out. */
  readonly armedBy?: 'store' | 'standing range' | 'nothing';
  /** Events that mean nothing to the ABI, or that a broken kernel loses. */
  readonly ignores?: readonly RseqEventName[];
  /** Spoils the section so that the kernel refuses it; absent where the ABI refuses nothing. */
  spoil?(context: RseqContext, base: number): void;
}

const BASE = 0x7000_0000;
const SOMEWHERE = 0x40_0000;

class PlainRegisters implements TaskRegisters {
  instructionPointer = SOMEWHERE;
  readonly values = new Map<RegisterName, bigint>();

  read(register: RegisterName): bigint {
    return this.values.get(register) ?? 0n;
  }

  write(register: RegisterName, value: bigint): void {
    this.values.set(register, value);
  }

  readFile(): void {
    throw new Error('a variant does not look at all registers');
  }

  writeFile(): void {
    throw new Error('a variant does not set all registers');
  }
}

function makeTask(): Task {
  return {
    id: 1,
    tid: 100,
    process: 0,
    state: { kind: 'running' },
    vcpu: 1,
    affinity: 3n,
    clearChildTid: 0,
    robustList: 0n,
    rseq: undefined,
    rseqEvents: 0,
    rseqEventCounter: 0,
    rseqIds: 0,
    rseqSlice: undefined,
    notifyResume: false,
    entry: 'interrupt',
    systemCall: NO_SYSCALL,
    signals: INITIAL_TASK_SIGNALS,
    hasSignalWork: false,
    mmCid: 0,
    abortedSection: 0,
    abortsInRow: 0,
  };
}

function makeContext(): RseqContext {
  const space = new AddressSpace(new PhysicalMemory(new ArrayBuffer(64 * PAGE_SIZE), 64));
  const protection = PROT_READ | PROT_WRITE;
  space.map({ start: BASE, end: BASE + PAGE_SIZE, protection, shared: false, name: 'test' });
  return {
    task: makeTask(),
    process: makeProcess(),
    memory: new UserMemory(space),
    registers: new PlainRegisters(),
  };
}

function makeProcess(): Process {
  return {
    id: 0,
    tgid: 100,
    group: 100,
    parent: undefined,
    exitSignal: 17,
    isReaped: false,
    space: 0,
    membarrierRegistrations: 0,
    rseq: NO_PROCESS_RSEQ,
    signals: { pending: [], actions: {}, target: 1 },
    stop: NOT_STOPPED,
    ending: undefined,
  };
}

/** Everything that a variant could change. */
function stateOf({ task, process, memory, registers }: RseqContext): string {
  const bytes = Buffer.from(memory.read(BASE, PAGE_SIZE) ?? []).toString('hex');
  const values =
    registers instanceof PlainRegisters
      ? [...registers.values].map(([name, word]) => `${name}${word}`)
      : [];
  const flat = JSON.stringify([task, process], (_, value) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  return [flat, bytes, ...values, registers.instructionPointer].join(' ');
}

/** The task without what a return to user mode may always change. */
function positionAndMemory(context: RseqContext): string {
  return stateOf({ ...context, task: makeTask() });
}

/** Each rule of RseqVariant, by name: asserts that a variant keeps it. */
export const RSEQ_CONTRACT: Readonly<
  Record<string, (profile: KernelProfile, fixture: VariantFixture) => void>
> = {
  'publishes sizes that a program can use': ({ rseq }) => {
    if (rseq.auxv === undefined) return;
    const { featureSizeBytes, alignBytes } = rseq.auxv;
    assert(featureSizeBytes > 0, 'a feature size');
    assert(alignBytes >= 8 && Number.isInteger(Math.log2(alignBytes)), 'a power of two');
  },

  'leaves an unregistered task alone': ({ rseq }) => {
    const context = makeContext();
    const before = positionAndMemory(context);
    const { task } = context;
    for (const event of [rseq.onSwitchOut, rseq.onMigrate, rseq.onMembarrier]) event(task);
    task.notifyResume = true;
    assert(rseq.onResume(context).kind === 'resumed', 'nothing to fix');
    assert(rseq.armedRegion(context) === undefined, 'nothing is armed');
    assert(rseq.armingWord(task) === undefined, 'nothing arms');
    assert(positionAndMemory(context) === before, 'memory and registers stay');
  },

  'tells the armed region without changing anything': ({ rseq }, fixture) => {
    const { context, expected } = makeArmed(fixture);
    const before = stateOf(context);
    const region = rseq.armedRegion(context);
    assert(region?.end === expected?.end, 'the end of the section');
    assert(region?.start === undefined || region.start === expected?.start, 'its start');
    assert(stateOf(context) === before, 'nothing changed');
  },

  'names what arms': ({ rseq }, fixture) => {
    const { context } = makeArmed(fixture);
    const word = rseq.armingWord(context.task);
    const standing = rseq.standingRegions(context.process);
    const isByStore = (fixture.armedBy ?? 'store') === 'store';
    assert(isByStore === (word !== undefined), 'a word if stores arm');
    assert((fixture.armedBy === 'standing range') === standing.length > 0, 'ranges if they arm');
    assert((word ?? 0) % 8 === 0, 'an aligned word');
    assert(standing === rseq.standingRegions(context.process), 'the same list each time');
    if (word === undefined) return;
    const source = context.memory.readU64(word);
    assert(source === BigInt(rseq.armedRegion(context)?.source ?? 0), 'it holds the source');
    context.memory.writeU64(word, 0n);
    assert(rseq.armedRegion(context) === undefined, 'zero disarms');
  },

  'asks for work at each event and does it once': ({ rseq }, fixture) => {
    for (const event of eventsOf(rseq, fixture)) {
      const { context } = makeArmed(fixture);
      event(context.task);
      assert(context.task.notifyResume, 'work is asked for');
      rseq.onResume(context);
      assert(!context.task.notifyResume, 'work is done');
    }
  },

  'asks for nothing at events that mean nothing to it': ({ rseq }, fixture) => {
    for (const name of fixture.ignores ?? []) {
      const { context } = makeArmed(fixture);
      rseq[name](context.task);
      assert(!context.task.notifyResume, `${name} asks for no work`);
    }
  },

  'moves a task only from within a region to its abort handler': ({ rseq }, fixture) => {
    for (const event of eventsOf(rseq, fixture)) {
      const { context } = makeArmed(fixture);
      const { registers } = context;
      const region = rseq.armedRegion(context);
      const from = registers.instructionPointer;
      event(context.task);
      const outcome = rseq.onResume(context);
      if (outcome.kind !== 'aborted') {
        assert(registers.instructionPointer === from, 'it stays');
        continue;
      }
      assert(outcome.from === from, 'it says where the task was');
      assert(outcome.region.source === region?.source, 'it says which region it was');
      assert(from >= (region.start ?? 0) && from < region.end, 'it was inside');
      assert(registers.instructionPointer === (region.abort ?? from), 'it goes to the handler');
    }
  },

  'changes nothing of a task that it refuses': ({ rseq }, fixture) => {
    if (fixture.spoil === undefined) return;
    const { context } = makeArmed(fixture);
    fixture.spoil(context, BASE);
    const [event] = eventsOf(rseq, fixture);
    event?.(context.task);
    const before = positionAndMemory(context);
    const outcome = rseq.onResume(context);
    assert(outcome.kind === 'fatal' && outcome.reason !== '', 'it is refused, with a reason');
    assert(positionAndMemory(context) === before, 'memory and registers stay');
  },

  'gives threads nothing and children of fork everything': ({ rseq }, fixture) => {
    const { context } = makeArmed(fixture);
    const [thread, child] = [makeTask(), makeTask()];
    rseq.onClone(context.task, thread, CLONE.VM | CLONE.THREAD);
    rseq.onClone(context.task, child, 0n);
    assert(rseq.armingWord(thread) === undefined, 'a thread is unregistered');
    assert(rseq.armingWord(child) === rseq.armingWord(context.task), 'a child is registered');
  },

  'keeps all of its state in task and memory': ({ rseq }, fixture) => {
    const runs = [1, 2].map(() => {
      const { context } = makeArmed(fixture);
      const outcomes = [...eventsOf(rseq, fixture), ...eventsOf(rseq, fixture)].map((event) => {
        event(context.task);
        return rseq.onResume(context).kind;
      });
      return `${outcomes} ${stateOf(context)}`;
    });
    assert(runs[0] === runs[1], 'a second run is like the first');
    const [original, copied] = [makeArmed(fixture).context, makeArmed(fixture).context];
    for (const { task } of [original, copied]) rseq.onSwitchOut(task);
    const copy = { ...copied, task: structuredClone(copied.task) };
    assert(rseq.onResume(copy).kind === rseq.onResume(original).kind, 'a copy is as good');
  },
};

const EVENT_NAMES: readonly RseqEventName[] = ['onSwitchOut', 'onMigrate', 'onMembarrier'];

/** The events that mean something to the ABI. */
function eventsOf(rseq: RseqVariant, fixture: VariantFixture): readonly ((task: Task) => void)[] {
  return EVENT_NAMES.filter((name) => !fixture.ignores?.includes(name)).map((name) => rseq[name]);
}

function makeArmed(fixture: VariantFixture) {
  const context = makeContext();
  fixture.register(context, BASE);
  const expected = fixture.arm(context, BASE);
  return { context, expected };
}
