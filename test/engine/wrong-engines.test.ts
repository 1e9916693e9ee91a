import { describe, expect, test } from 'vitest';
import {
  BUDGET_INSTRUCTIONS_MAX,
  type CpuContext,
  type Engine,
  type EngineCpu,
  type Exit,
  NO_STOPS,
  type RunStops,
} from '../../emulator/engine/engine.ts';
import type { RegisterName } from '../../kernel-model/hardware/registers.ts';
import type { EngineMapping } from '../../kernel-model/mm/address-space.ts';
import { contract } from './contract.ts';
import { DelegatingCpu, DelegatingEngine } from './delegating.ts';
import { NOWHERE, PAGE, READ_WRITE, type Subject, usualMappings } from './rig.ts';
import { scriptedSubject } from './subjects.ts';

/** Executes one more than it was asked to. */
class OneTooMany extends DelegatingCpu {
  override run(budget: number): Exit {
    return this.inner.run(budget < BUDGET_INSTRUCTIONS_MAX && budget > 1 ? budget + 1 : budget);
  }
}

/** Executes what it was asked to, and says that it was one more. */
class CountsOneTooMany extends DelegatingCpu {
  override get retired(): number {
    return this.inner.retired + 1;
  }
}

/** Counts the last, empty round of a repeated instruction, as Unicorn does. */
class CountsEmptyRound extends DelegatingCpu {
  #retired = 0;

  override get retired(): number {
    return this.#retired;
  }
  override run(budget: number): Exit {
    const before = this.inner.read('rcx');
    const exit = this.inner.run(budget);
    const isThrough = before > 0n && this.inner.read('rcx') === 0n;
    this.#retired = this.inner.retired + (isThrough ? 1 : 0);
    return exit;
  }
}

/** Leaves the record of a store that faulted, as Unicorn's hook does. */
class LogsFaults extends DelegatingCpu {
  readonly #engine: Engine;
  #mappings: readonly EngineMapping[] = usualMappings;

  constructor(inner: EngineCpu, engine: Engine) {
    super(inner);
    this.#engine = engine;
  }
  override setMappings(mappings: readonly EngineMapping[]): void {
    this.#mappings = mappings;
    this.inner.setMappings(mappings);
  }
  override run(budget: number): Exit {
    const exit = this.inner.run(budget);
    if (exit.kind !== 'fault' || exit.access !== 'write') return exit;
    const context = this.inner.saveContext();
    const address = Number(exit.address) - (Number(exit.address) % PAGE);
    const ramOffset = this.#engine.ram.byteLength - PAGE;
    const page = { address, length: PAGE, ramOffset, protection: READ_WRITE };
    this.inner.setMappings([page, ...this.#mappings]);
    this.inner.run(1);
    this.inner.setMappings(this.#mappings);
    this.inner.restoreContext(context);
    return exit;
  }
}

/** Goes past an instruction that faulted. */
class KeepsGoingAfterFaults extends DelegatingCpu {
  override run(budget: number): Exit {
    const exit = this.inner.run(budget);
    if (exit.kind === 'fault' && exit.access !== 'fetch') this.inner.instructionPointer += 1;
    return exit;
  }
}

/** Reports the byte that Unicorn found first instead of the first that is not accessible. */
class ReportsLastByte extends DelegatingCpu {
  override run(budget: number): Exit {
    const exit = this.inner.run(budget);
    if (exit.kind !== 'fault' || exit.access !== 'write') return exit;
    return { ...exit, address: Number(exit.address) + 3 };
  }
}

/** A fault comes before the end of a budget that was spent. */
class HurriesToFaults extends DelegatingCpu {
  override run(budget: number): Exit {
    const exit = this.inner.run(budget);
    const ip = this.inner.instructionPointer;
    if (exit.kind !== 'budget' || ip !== NOWHERE) return exit;
    return { kind: 'fault', access: 'fetch', address: ip };
  }
}

/** Contexts hold the registers, but not where execution was. */
class ContextsWithoutPosition extends DelegatingCpu {
  override restoreContext(context: CpuContext): void {
    const ip = this.inner.instructionPointer;
    this.inner.restoreContext(context);
    this.inner.instructionPointer = ip;
  }
}

/** Contexts lose a segment base. */
class ContextsWithoutBases extends DelegatingCpu {
  override restoreContext(context: CpuContext): void {
    const base = this.inner.read('fs_base');
    this.inner.restoreContext(context);
    this.inner.write('fs_base', base);
  }
}

class IgnoresTheWatch extends DelegatingCpu {
  override watch(): void {}
}

class NeverForgetsArmings extends DelegatingCpu {
  override forgetKnownArmings(): void {}
}

/** Takes another value to be known as well. */
class KnowsTooMany extends DelegatingCpu {
  override addKnownArming(value: number): void {
    this.inner.addKnownArming(value);
    this.inner.addKnownArming(value + 64);
  }
}

/** Looks only where a store begins. */
class ShortDescriptors extends DelegatingCpu {
  override setDescriptorRange(start: number, lengthBytes: number): void {
    this.inner.setDescriptorRange(start, Math.max(0, lengthBytes - 1));
  }
}

class IgnoresMarks extends DelegatingCpu {
  override markBoundary(): void {}
}

class IgnoresStops extends DelegatingCpu {
  override set stops(_: RunStops) {
    this.inner.stops = NO_STOPS;
  }
}

/** Goes by the mappings it was given first. */
class StaleMappings extends DelegatingCpu {
  #isMapped = false;

  override setMappings(mappings: readonly EngineMapping[]): void {
    if (!this.#isMapped) this.inner.setMappings(mappings);
    this.#isMapped = true;
  }
}

class WithoutHighHalf extends DelegatingCpu {
  override write(register: RegisterName, value: bigint): void {
    this.inner.write(register, value & 0xffff_ffffn);
  }
}

/** Keeps what it knew of code that changed. */
class StaleCode extends DelegatingEngine {
  override codeChanged(): void {}
}

function engineOf(wrap: (engine: Engine) => Engine): Subject {
  return {
    name: 'wrong',
    open: (options) => {
      const { engine, put } = scriptedSubject.open(options);
      return { engine: wrap(engine), put };
    },
  };
}

type WrongCpu = new (inner: EngineCpu, engine: Engine) => EngineCpu;

/** Each with the promise that it breaks. */
const wrongCpus: readonly (readonly [WrongCpu, string])[] = [
  [OneTooMany, 'a budget is retired exactly'],
  [CountsOneTooMany, 'what cannot execute does not count'],
  [CountsEmptyRound, 'iterations of a repeated instruction count as hardware counts'],
  [LogsFaults, 'an instruction that faults has no effect, each time'],
  [KeepsGoingAfterFaults, 'an instruction that faults has no effect, each time'],
  [ReportsLastByte, 'an instruction that faults has no effect, each time'],
  [HurriesToFaults, 'a spent budget comes before what follows it'],
  [ContextsWithoutPosition, 'a context holds all registers and the position'],
  [ContextsWithoutBases, 'a context goes from CPU to CPU'],
  [IgnoresTheWatch, 'a store that touches the watched word ends the run'],
  [NeverForgetsArmings, 'known armings need no report until they are forgotten'],
  [KnowsTooMany, 'known armings need no report until they are forgotten'],
  [ShortDescriptors, 'stores to descriptors are reported'],
  [IgnoresMarks, 'marked instructions are logged among the stores'],
  [IgnoresStops, 'a run ends before instructions that it stops at'],
  [StaleMappings, 'changes of protection take effect at once'],
  [WithoutHighHalf, 'registers are read and written by name'],
];

/** Runs the check of one promise. */
function check(promise: string, subject: Subject): void {
  const found = contract.find(({ name }) => name === promise);
  if (found === undefined) throw new Error(`there is no promise '${promise}'`);
  found.check(subject);
}

describe('an engine that is wrong in one way fails the contract suite', () => {
  test('the same wrapping without a mistake passes', () => {
    const right = engineOf(
      (engine) => new DelegatingEngine(engine, (cpu) => new DelegatingCpu(cpu)),
    );
    for (const promise of contract) promise.check(right);
  });

  test.each(wrongCpus)('%o', (Wrong, promise) => {
    const wrong = engineOf(
      (engine) => new DelegatingEngine(engine, (cpu, inner) => new Wrong(cpu, inner)),
    );
    expect(() => check(promise, wrong)).toThrow(/expected/);
  });

  test('one that does not hear of changed code', () => {
    const stale = engineOf((engine) => new StaleCode(engine));
    for (const promise of [
      'changed code is what runs next, on every CPU',
      'a mark holds on all CPUs until the code changes',
    ]) {
      expect(() => check(promise, stale)).toThrow(/expected/);
    }
  });
});
