import type { SearchProgress } from '../explore/campaign/estimate.ts';

const SECONDS_PER_MINUTE = 60;
const SECONDS_PER_HOUR = 3600;
const SECONDS_PER_DAY = 86_400;
const COLUMNS_UNKNOWN = 80;
const CLEAR_LINE = '\r\u001b[K';

/** One line on a terminal that tells how far a search is; nothing elsewhere. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #isShown: boolean;

  constructor(stream: NodeJS.WriteStream, isWanted: boolean) {
    this.#stream = stream;
    this.#isShown = isWanted && stream.isTTY;
  }

  show(progress: SearchProgress): void {
    if (!this.#isShown) return;
    const line = formatProgress(progress);
    // A terminal that does not tell its size has 0 columns.
    const columns = this.#stream.columns || COLUMNS_UNKNOWN;
    this.#stream.write(CLEAR_LINE + line.slice(0, Math.max(0, columns - 1)));
  }

  clear(): void {
    if (this.#isShown) this.#stream.write(CLEAR_LINE);
  }
}

/** `1234 schedules, 2345 states, 810/s, 12 of 40 parts, 2 min left` */
export function formatProgress(progress: SearchProgress): string {
  const { secondsLeft } = progress;
  const left = secondsLeft === undefined ? '' : `, about ${formatDuration(secondsLeft)} left`;
  return (
    `${progress.schedules} schedules, ${progress.distinctStates} states, ` +
    `${Math.round(progress.schedulesPerSecond)}/s, ` +
    `${progress.unitsExplored} of ${progress.units} parts${left}`
  );
}

function formatDuration(seconds: number): string {
  if (seconds < SECONDS_PER_MINUTE) return `${Math.ceil(seconds)} s`;
  if (seconds < SECONDS_PER_HOUR) return `${Math.round(seconds / SECONDS_PER_MINUTE)} min`;
  if (seconds < SECONDS_PER_DAY) return `${Math.round(seconds / SECONDS_PER_HOUR)} h`;
  return `${Math.round(seconds / SECONDS_PER_DAY)} days`;
}
