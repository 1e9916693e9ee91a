import { vi } from 'vitest';
import { main } from '../../emulator/cli/main.ts';

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process and captures what it prints. */
export async function runCommand(...argv: string[]): Promise<CommandResult> {
  const written = { stdout: '', stderr: '' };
  const capture = (stream: 'stdout' | 'stderr') =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      written[stream] += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
      return true;
    });
  const spies = [capture('stdout'), capture('stderr')];
  try {
    const status = await main(argv);
    return { status, ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
