import { openScripted } from '../../emulator/engine/scripted/engine.ts';
import type { ScriptedInstruction } from '../../emulator/engine/scripted/script.ts';
import { openUnicorn } from '../../emulator/engine/unicorn/engine.ts';
import { toScripted } from './abstract-program.ts';
import type { Subject } from './rig.ts';

export const scriptedSubject: Subject = {
  name: 'scripted',
  open: (options) => {
    const script = new Map<number, ScriptedInstruction>();
    return {
      engine: openScripted({ ...options, script }),
      put: (code) => {
        for (const placed of code) script.set(placed.address, toScripted(placed));
      },
    };
  },
};

/** Unicorn, from a library, with one of its two kinds of hooks. */
export function unicornSubject(libraryPath: string, hooks: 'native' | 'portable'): Subject {
  return {
    name: `unicorn with ${hooks} hooks`,
    open: (options) => {
      const engine = openUnicorn({ ...options, libraryPath, hooks });
      const ram = new Uint8Array(engine.ram);
      return {
        engine,
        put: (code, ramOffset) => {
          const base = code[0]?.address ?? 0;
          for (const { address, bytes } of code) ram.set(bytes, ramOffset + address - base);
        },
      };
    },
  };
}
