/** System calls whose result tells the time, or that depend on it. */
const CLOCK_SYSCALLS: ReadonlySet<string> = new Set([
  'clock_gettime',
  'gettimeofday',
  'time',
  'nanosleep',
  'clock_nanosleep',
]);
const CLOCK_MNEMONICS: ReadonlySet<string> = new Set(['rdtsc', 'rdtscp']);

/** Whether a program has looked at the virtual time since it was booted, on any of its paths. */
export class ClockWatch {
  hasRead = false;

  onSyscall(name: string): void {
    this.hasRead ||= CLOCK_SYSCALLS.has(name);
  }

  onInstruction(mnemonic: string): void {
    this.hasRead ||= CLOCK_MNEMONICS.has(mnemonic);
  }
}
