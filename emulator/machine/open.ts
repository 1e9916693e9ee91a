import { assert } from '../../kernel-model/assert.ts';
import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import { openUnicorn } from '../engine/unicorn/engine.ts';
import { Machine } from './machine.ts';

/** Host address space set aside for guest RAM; only what the guest touches is used. */
const RAM_BYTES = 2 ** 32;
const DEFAULT_TOUCHED_BYTES = 2 ** 30;

export interface MachineOptions {
  /** What locateUnicorn gave. */
  readonly libraryPath: string;
  /** Guest memory that may be touched, in bytes. */
  readonly memoryLimitBytes?: number | undefined;
  /** Tell the observer of a run of loads too; costs speed. */
  readonly logReads?: boolean;
}

/** A machine over Unicorn. Costs a few milliseconds; use one for many runs. */
export function openMachine(options: MachineOptions): Machine {
  const limitBytes = options.memoryLimitBytes ?? DEFAULT_TOUCHED_BYTES;
  let machine: Machine | undefined;
  const engine = openUnicorn({
    libraryPath: options.libraryPath,
    ramBytes: RAM_BYTES,
    logReads: options.logReads ?? false,
    onLogFull: () => machine?.onLogFull(),
    onCodePage: (ramOffset) => machine?.onCodePage(ramOffset),
  });
  machine = new Machine(engine, Math.ceil(limitBytes / PAGE_SIZE));
  assert(engine.log.length === 0, 'a new engine has logged nothing');
  return machine;
}
