import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import {
  CODE_THUNK_OFFSET,
  MEMORY_THUNK_OFFSET,
  START_THUNK_OFFSET,
  THUNK_BYTES,
} from '../../emulator/engine/unicorn/thunks.ts';
import { projectRoot, temporaryFolder } from '../support/project.ts';

it('the native hooks are thunks.S, assembled', async (context) => {
  context.skip(process.arch !== 'x64', 'the host is not x86-64');
  const folder = await temporaryFolder();
  const source = join(projectRoot, 'emulator', 'engine', 'unicorn', 'thunks.S');
  const object = join(folder, 'thunks.o');
  const built = await execa('gcc', ['-c', '-o', object, source], { reject: false });
  context.skip(built.exitCode === undefined, 'there is no gcc');
  expect(built.stderr).toBe('');
  const text = join(folder, 'thunks.bin');
  await execa('objcopy', ['-O', 'binary', '-j', '.text', object, text]);
  expect(Buffer.from(THUNK_BYTES).toString('hex')).toBe((await readFile(text)).toString('hex'));
  const { stdout } = await execa('nm', [object]);
  const offsetOf = (symbol: string): number =>
    Number.parseInt(new RegExp(`^(\\w+) T ${symbol}$`, 'm').exec(stdout)?.[1] ?? '', 16);
  expect(offsetOf('code_thunk')).toBe(CODE_THUNK_OFFSET);
  expect(offsetOf('memory_thunk')).toBe(MEMORY_THUNK_OFFSET);
  expect(offsetOf('start_thunk')).toBe(START_THUNK_OFFSET);
});
