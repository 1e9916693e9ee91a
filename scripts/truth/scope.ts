import type { ProgramImage } from '../../emulator/loader/image.ts';

/** What every guest has besides its own program: guest/runtime/. Interrupting it proves nothing. */
const RUNTIME_FUNCTIONS: ReadonlySet<string> = new Set([
  ...['_start', 'thread_clone', 'thread_run', 'thread_start', 'thread_join', 'threads_init'],
  ...['run_tasks', 'rseq_register', 'exit_process', 'parse_arguments', 'parse_number'],
  ...['print', 'fail', 'put_formatted', 'put_number', 'put_signed', 'put_text', 'put_character'],
  ...['send', 'memcpy', 'memmove', 'memset', 'memcmp'],
]);

/**
 * Which instructions of a guest are boundaries: all that its threads execute, but for those of the
 * run-time; the first thread, which starts the others and checks what they did, is left alone.
 */
export class Scope {
  readonly #image: ProgramImage;
  readonly #known = new Map<number, boolean>();

  /** `image` brings the symbols. */
  constructor(image: ProgramImage) {
    this.#image = image;
  }

  has(task: number, address: number): boolean {
    if (task === 1) return false;
    let isOwn = this.#known.get(address);
    if (isOwn === undefined) {
      const name = this.#image.symbols.lookup(address)?.name ?? '';
      isOwn = !RUNTIME_FUNCTIONS.has(name.replace(/\..*$/, ''));
      this.#known.set(address, isOwn);
    }
    return isOwn;
  }
}
