import { describe, expect, test } from 'vitest';
import type { Exit } from '../../emulator/engine/engine.ts';
import { unicornLibraries } from '../support/unicorn.ts';
import { type CodeLine, CodeRig } from './code-rig.ts';
import { DATA, DATA_RAM, registersOf } from './rig.ts';

const ldmxcsr: CodeLine = ['0f ae 17', 'ldmxcsr [rdi]'];
const fldcw: CodeLine = ['d9 2f', 'fldcw [rdi]'];
const fldenv: CodeLine = ['d9 27', 'fldenv [rdi]'];

const BUDGET: Exit = { kind: 'budget' };
const PROTECTION: Exit = { kind: 'exception', exception: 'general-protection' };
const refused = (detail: string): Exit => ({ kind: 'unsupported', detail });

const loads: readonly (readonly [CodeLine, number, Exit])[] = [
  [ldmxcsr, 0x1f80, BUDGET],
  [ldmxcsr, 0x7fbf, BUDGET],
  [ldmxcsr, 0x1_1f80, PROTECTION],
  [ldmxcsr, 0x1d80, refused('that loads mxcsr with 0x1d80')],
  [ldmxcsr, 0x1fc0, refused('that loads mxcsr with 0x1fc0')],
  [ldmxcsr, 0x9f80, refused('that loads mxcsr with 0x9f80')],
  [fldcw, 0x37f, BUDGET],
  [fldcw, 0xf7f, BUDGET],
  [fldcw, 0x37b, refused('that loads the x87 control word with 0x37b')],
  [fldenv, 0x37f, BUDGET],
  [fldenv, 0x372, refused('that loads the x87 control word with 0x372')],
];

describe.each(await unicornLibraries())('%s', (library) => {
  test.each(loads)('%s of %i', (line, value, expected) => {
    const rig = new CodeRig(library);
    rig.code([line]);
    rig.set({ rdi: DATA });
    new DataView(rig.engine.ram).setUint32(DATA_RAM, value, true);
    const before = registersOf(rig.cpu);
    expect(rig.cpu.run(1)).toEqual(expected);
    const { mxcsr, fpcw } = registersOf(rig.cpu);
    const isLoaded = expected.kind === 'budget';
    expect(rig.cpu.retired).toBe(isLoaded ? 1 : 0);
    const changed = line === ldmxcsr ? 'mxcsr' : 'fpcw';
    const loaded = { mxcsr, fpcw }[changed];
    expect(loaded).toBe(isLoaded ? BigInt(value) : before[changed]);
  });
});
