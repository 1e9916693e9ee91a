import { PAGE_SIZE } from '../../kernel-model/hardware/address.ts';
import { REGISTER_FILE, REGISTER_FILE_WORDS } from '../../kernel-model/hardware/register-file.ts';
import type { UserMemory } from '../../kernel-model/mm/user-memory.ts';
import { liveFlagsMask } from '../engine/decode/live-flags.ts';
import type { EngineCpu } from '../engine/engine.ts';

/** All architectural registers of a CPU, of the flags those that the code ahead can still read. */
export function readLiveRegisters(cpu: EngineCpu, memory: UserMemory): BigUint64Array {
  const file = new BigUint64Array(REGISTER_FILE_WORDS);
  cpu.readRegisterFile(file);
  const ip = cpu.instructionPointer;
  const code = memory.read(ip, PAGE_SIZE - (ip % PAGE_SIZE));
  if (code !== undefined) {
    file[REGISTER_FILE.rflags] = (file[REGISTER_FILE.rflags] ?? 0n) & liveFlagsMask(code, ip);
  }
  return file;
}
