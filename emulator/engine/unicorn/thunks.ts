import koffi from 'koffi';
import { PAGE_SIZE } from '../../../kernel-model/hardware/address.ts';
import type { ControlBlock } from './control-block.ts';
import { makeExecutable, reserveHostMemory } from './host-memory.ts';
import type { HookPointers } from './portable-hooks.ts';

/** Offset of each thunk in THUNK_BYTES. */
export const CODE_THUNK_OFFSET = 0;
export const MEMORY_THUNK_OFFSET = 256;
export const START_THUNK_OFFSET = 464;

/** thunks.S assembled for x86-64 hosts, as hexadecimal; a test assembles it again and compares. */
const THUNK_HEX = [
  '8329010f88e10000004889f048c1e80c4189c04181e0ff03000041c1e0044c0341284939000f85b60000004d',
  '8b400889f025ff0f0000410fb6040083f801750d488b41084889710848894110c3a8017518483b712074e948',
  '3b71180f858000000048c74118ffffffff448b819c0000004585c07831443b01742c4189c1442389a0000000',
  '742041f7c10200000075524c8b89a80000004189f04181e0ff0f00004d0fa301723ba80274964c8b51384d8b',
  '024d3b42087321488b4108498930498940088b0149894010498970184983c0204d8902e968ffffffc7410403',
  '000000eb16c7410402000000eb0d837904007507c741040100000048897150ff6130669089d025ff0f000001',
  'c83df90f00000f83a40000004d8b5138498b02493b42080f83a30000004d8b59084889104c8940084c895818',
  '458b19448958104189cb41c1e3084109f3448958144883c02049890283fe1175624889d0492b4170493b4178',
  '72384889d0492b41404883f8087d484189cb4901c37e404885c0751e83f90875194d85c074314c89c048c1e8',
  '0583e03f4d8b59484d3904c3741d41837904007516418b014189415841c7010000000041c7410404000000c3',
  '3d00100000770983f9080f854cffffff41ff61600f1f400053488b1d280e0000488bbb80000000488bb38800',
  '000031d231c94531c0ff93900000008983980000005bc3',
].join('');

export const THUNK_BYTES: Uint8Array = Uint8Array.from(Buffer.from(THUNK_HEX, 'hex'));

const startThunk = koffi.proto('void rseq_start_thunk()');

/** Puts the thunks where they can be executed, with a page for the pointer that start_thunk reads. */
export function loadThunks(): HookPointers {
  const host = reserveHostMemory(2 * PAGE_SIZE);
  new Uint8Array(host.buffer).set(THUNK_BYTES);
  makeExecutable(host.pointer, PAGE_SIZE);
  const current = new BigUint64Array(host.buffer, PAGE_SIZE, 1);
  const run: () => void = koffi.decode(host.pointer + BigInt(START_THUNK_OFFSET), startThunk);
  let last: ControlBlock | undefined;
  return {
    code: host.pointer + BigInt(CODE_THUNK_OFFSET),
    memory: host.pointer + BigInt(MEMORY_THUNK_OFFSET),
    start: ({ control }, instructionPointer) => {
      if (control !== last) {
        last = control;
        current[0] = control.pointer;
      }
      control.startIp = instructionPointer;
      run();
      return control.error;
    },
  };
}
