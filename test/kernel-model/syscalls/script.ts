import { assert } from '../../../kernel-model/assert.ts';
import { TestMachine } from '../harness.ts';

/** A line of a script that prints a number, and the number. */
export interface ScriptResult {
  readonly line: string;
  readonly value: bigint;
}

/** The lines that are steps, without comments; see script.c for what they mean. */
export function stepsOf(script: string): string[] {
  return script
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
}

/** Runs a script on the kernel model, as script.c does on a real kernel. */
export function runOnModel(script: string): ScriptResult[] {
  const machine = new TestMachine();
  const results: ScriptResult[] = [];
  let last = 0n;
  for (const line of stepsOf(script)) {
    const [verb = '', ...texts] = line.split(/\s+/);
    const words = texts.map((text) => (text === '$' ? last : BigInt.asUintN(64, toWord(text))));
    const [first = 0n, second = 0n] = words;
    if (verb === 'poke') {
      assert(machine.memory.writeU64(Number(first), second), line);
      continue;
    }
    const value = verb === 'peek' ? machine.memory.readU64(Number(first)) : call(machine, words);
    assert(value !== undefined, line);
    if (verb !== 'peek') last = BigInt.asUintN(64, value);
    results.push({ line, value: BigInt.asIntN(64, value) });
  }
  return results;
}

function toWord(text: string): bigint {
  return text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
}

/** The result of a system call; one that blocks is waited for. */
function call(machine: TestMachine, [number = 0n, ...args]: readonly bigint[]): bigint {
  const outcome = machine.syscall(1, Number(BigInt.asIntN(32, number)), args);
  if (outcome.kind === 'unsupported') throw new Error(`${number}: ${outcome.message}`);
  if (machine.task(1).state.kind === 'blocked') machine.passTime();
  if (machine.task(1).state.kind === 'ready') machine.run(1, machine.task(1).vcpu);
  return BigInt(machine.result(1));
}
