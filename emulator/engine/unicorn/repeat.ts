import type { RegisterName } from '../../../kernel-model/hardware/registers.ts';
import type { Exit } from '../engine.ts';
import type { ControlBlock } from './control-block.ts';

/** A CPU as a REP instruction needs it. */
interface RepeatingCpu {
  readonly control: ControlBlock;
  readonly instructionPointer: number;
  retired: number;
  read(register: RegisterName): bigint;
  /** Runs until the hooks stop it; `undefined` to go on with what is left of the budget. */
  runOnce(budget: number): Exit | undefined;
  /** Drops log records beyond so many. */
  truncateLog(length: number): void;
}

interface Repetition {
  readonly budget: number;
  /** It may end before rcx is zero. */
  readonly isConditional: boolean;
  /** What to cut the log to if not even one iteration retires. */
  readonly logLength: number;
}

/**
 * Iterations of a REP string instruction, each a retired unit; compares go one at a time because
 * they may end early. Unicorn comes back to the instruction once more when rcx has reached zero,
 * which hardware does not count.
 */
export function runRepeat(
  cpu: RepeatingCpu,
  { budget, isConditional, logLength }: Repetition,
): Exit | undefined {
  const { control, instructionPointer: ip, retired: retiredBefore } = cpu;
  const before = cpu.read('rcx');
  const most = isConditional ? 1 : budget;
  const iterations = before < BigInt(most) ? Math.max(1, Number(before)) : most;
  control.repeat = ip;
  let exit = cpu.runOnce(iterations);
  const after = cpu.read('rcx');
  const isThrough = exit?.kind === 'budget' || exit?.kind === 'armed';
  if (isThrough && cpu.instructionPointer === ip && after === 0n) {
    const next = cpu.runOnce(1);
    if (exit?.kind === 'budget') exit = next;
  }
  control.repeat = undefined;
  const retired = before === 0n ? 1 : Number(before - after);
  cpu.retired = retiredBefore + retired;
  if (exit?.kind === 'fault' && retired === 0) cpu.truncateLog(logLength);
  return exit?.kind === 'budget' ? undefined : exit;
}
