import { assert } from '../../../kernel-model/assert.ts';
import { UserError } from '../../errors.ts';
import { encodeAnswer, type FromWorker, readRequest, type ToWorker } from './protocol.ts';
import { SearchWorker } from './worker.ts';

/**
 * Makes this process a worker of the search in its parent, over the IPC channel between them. Never
 * returns to its caller: the parent ends the process.
 */
export async function serveSearch(): Promise<never> {
  assert(process.send !== undefined, 'a search worker is started by a search');
  // Ctrl-C goes to all processes of the terminal; what becomes of a worker is its parent's to say.
  process.on('SIGINT', () => {});
  const send = (answer: FromWorker): void => {
    process.send?.(encodeAnswer(answer));
  };
  const worker = new SearchWorker(send);
  let work = Promise.resolve();
  const handle = async (request: ToWorker): Promise<void> => {
    try {
      await worker.handle(request);
    } catch (error) {
      if (error instanceof UserError) {
        send({ kind: 'refused', code: error.code, message: error.message });
      } else {
        const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
        process.send?.(encodeAnswer({ kind: 'broken', message }), () => process.exit(1));
      }
    }
  };
  process.on('message', (message) => {
    const request = readRequest(message);
    // A stop is for what is under way.
    if (request.kind === 'stop') void handle(request);
    else work = work.then(() => handle(request));
  });
  process.channel?.ref();
  return new Promise<never>(() => {});
}
