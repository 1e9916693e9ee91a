import { Mnemonic, type Register } from 'iced-x86';
import { RSEQ_AREA } from '../../../../kernel-model/abi/rseq.ts';
import { areaOffset } from '../arming.ts';
import { addressRegisters, type Instruction, type MemoryUse } from '../instruction.ts';
import type { StaticCheck } from './check.ts';

const COMPARISONS: ReadonlySet<Mnemonic> = new Set([Mnemonic.Cmp, Mnemonic.Test]);
/** How an index becomes a place in an array. */
const SCALINGS: ReadonlySet<Mnemonic> = new Set([
  Mnemonic.Shl,
  Mnemonic.Imul,
  Mnemonic.Lea,
  Mnemonic.Movsxd,
  Mnemonic.Cdqe,
]);

export const checkR9: StaticCheck = function* (section, program) {
  const { code, start } = section;
  const arming = program.arming(section);
  if (code === undefined || arming.kind !== 'found' || program.family === 'rfc-2017') return;
  const before = program.runUp(start).instructions;
  const isCpuId = (use: MemoryUse) =>
    use.reads && areaOffset(arming.place, use) === RSEQ_AREA.cpuId && use.sizeBytes === 4;
  for (const compare of code.reached) {
    if (compare.mnemonic !== Mnemonic.Cmp || !compare.memory.some(isCpuId)) continue;
    const index = compare.reads.find(
      (register) => !compare.memory.some((use) => addressRegisters(use).includes(register)),
    );
    const loaded = before.findLastIndex(
      ({ writes }) => index !== undefined && writes.includes(index),
    );
    const load = before[loaded];
    if (index === undefined || load?.mnemonic !== Mnemonic.Mov || !load.memory.some(isCpuId))
      continue;
    const since = [...before.slice(loaded + 1), ...code.reached.filter((each) => each !== compare)];
    if (
      since.some((each) => isTested(each, index)) ||
      !since.some((each) => isIndex(each, index))
    ) {
      continue;
    }
    yield { address: load.address, message: 'takes cpu_id, which may be negative, for an index' };
  }
};

function isTested({ mnemonic, reads, memory }: Instruction, register: Register): boolean {
  return COMPARISONS.has(mnemonic) && memory.length === 0 && reads.includes(register);
}

function isIndex(instruction: Instruction, register: Register): boolean {
  const { mnemonic, reads, memory } = instruction;
  return (
    (SCALINGS.has(mnemonic) && reads.includes(register)) ||
    memory.some((use) => addressRegisters(use).includes(register))
  );
}
