import { setImmediate } from 'node:timers/promises';

const DECISIONS_BETWEEN_CLOCK_READS = 64;
const SECONDS_BETWEEN_YIELDS = 0.05;

/** A machine, or what drives one: `step` returns something, such as the outcome, once it is over. */
interface Steppable {
  step(): unknown;
}

/**
 * Runs to the end, letting the event loop in from time to time so that Ctrl-C is heard: the machine
 * then stops between two decisions, without an outcome.
 */
export async function runInterruptibly(machine: Steppable): Promise<void> {
  let isInterrupted = false;
  const interrupt = (): void => {
    isInterrupted = true;
  };
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    // Loading `performance` costs more than a short run.
    let yieldedAt = process.uptime();
    while (!isInterrupted) {
      for (let i = 0; i < DECISIONS_BETWEEN_CLOCK_READS; i++) {
        if (machine.step() !== undefined) return;
      }
      if (process.uptime() - yieldedAt > SECONDS_BETWEEN_YIELDS) {
        await setImmediate();
        yieldedAt = process.uptime();
      }
    }
  } finally {
    process.removeListener('SIGINT', interrupt);
    process.removeListener('SIGTERM', interrupt);
  }
}
