import { describe, expect, test } from 'vitest';
import { RSEQ_AREA } from '../../../kernel-model/abi/rseq.ts';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import { PROT_READ, PROT_WRITE } from '../../../kernel-model/mm/mapping.ts';
import { TestMachine } from '../harness.ts';
import { linesOf, REGISTRATION_SCRIPTS } from './registration-cases.ts';
import { ScriptModel, SYS_RSEQ } from './script.ts';

const AREA = 0x6000_0000;
const SIGNATURE = 0x5305_3053;
const POISON = 0xdead_beef;
const SIGSEGV = 11;
const SI_KERNEL = 128;

describe('rseq(2):', () => {
  test.each(REGISTRATION_SCRIPTS)('%s', (_, script) => {
    expect(new ScriptModel().run(script.map(([step]) => step))).toEqual(linesOf(script));
  });
});

function makeMachine(protection = PROT_READ | PROT_WRITE): TestMachine {
  const machine = new TestMachine({ vcpus: 4 });
  const end = AREA + PAGE_SIZE;
  machine.space.map({ start: AREA, end, protection, shared: false, name: 'area' });
  return machine;
}

function idsOf({ memory }: TestMachine): (number | undefined)[] {
  const { cpuIdStart, cpuId, nodeId, mmCid } = RSEQ_AREA;
  return [cpuIdStart, cpuId, nodeId, mmCid].map((field) => memory.readU32(AREA + field));
}

describe('a registration', () => {
  test('has written the ids when the call returns', () => {
    const machine = makeMachine();
    machine.run(1, 2);
    for (let at = 0; at < 32; at += 4) machine.memory.writeU32(AREA + at, POISON);
    expect(machine.call(SYS_RSEQ, [AREA, 32, 0, SIGNATURE])).toBe(0);
    expect(idsOf(machine)).toEqual([2, 2, 0, 0]);
    expect(machine.memory.readU64(AREA + RSEQ_AREA.rseqCs)).toBe(0n);
    expect(machine.memory.readU32(AREA + RSEQ_AREA.flags)).toBe(POISON);
    expect(machine.memory.readU32(AREA + RSEQ_AREA.end)).toBe(POISON);
  });

  test('of a page that cannot be written kills on the way back', () => {
    const machine = makeMachine(PROT_READ);
    machine.syscall(1, SYS_RSEQ, [AREA, 32, 0, SIGNATURE]);
    expect(machine.task(1).state.kind).toBe('dead');
    expect(machine.kernel.processOf(machine.task(1)).ending).toMatchObject({
      kind: 'signal',
      signal: SIGSEGV,
      code: SI_KERNEL,
      address: 0n,
    });
  });

  test('is one thread, not its process: another may take the same area', () => {
    const machine = makeMachine();
    machine.call(SYS_RSEQ, [AREA, 32, 0, SIGNATURE]);
    const child = machine.startThread(1);
    expect(machine.task(child).rseq).toBeUndefined();
    expect(machine.call(SYS_RSEQ, [AREA, 32, 1, SIGNATURE], child)).toBe(-22);
    expect(machine.call(SYS_RSEQ, [AREA, 32, 0, SIGNATURE], child)).toBe(0);
    expect(machine.call(SYS_RSEQ, [AREA, 32, 0, SIGNATURE])).toBe(-16);
    expect(machine.call(SYS_RSEQ, [AREA, 32, 1, SIGNATURE], child)).toBe(0);
    expect(machine.call(SYS_RSEQ, [AREA, 32, 1, SIGNATURE])).toBe(0);
  });

  test('that cannot be undone in user memory is EFAULT and stays', () => {
    const machine = makeMachine();
    machine.call(SYS_RSEQ, [AREA, 32, 0, SIGNATURE]);
    machine.space.protect(AREA, AREA + PAGE_SIZE, PROT_READ);
    expect(machine.call(SYS_RSEQ, [AREA, 32, 1, SIGNATURE])).toBe(-14);
    machine.space.protect(AREA, AREA + PAGE_SIZE, PROT_READ | PROT_WRITE);
    expect(machine.call(SYS_RSEQ, [AREA, 32, 1, SIGNATURE])).toBe(0);
  });

  test('arms by the word that holds rseq_cs, and by none once it is undone', () => {
    const machine = makeMachine();
    const { rseq } = machine.kernel.profile;
    expect(rseq.armingWord(machine.task(1))).toBeUndefined();
    machine.call(SYS_RSEQ, [AREA, 32, 0, SIGNATURE]);
    expect(rseq.armingWord(machine.task(1))).toBe(AREA + RSEQ_AREA.rseqCs);
    machine.call(SYS_RSEQ, [AREA, 32, 1, SIGNATURE]);
    expect(rseq.armingWord(machine.task(1))).toBeUndefined();
  });
});
