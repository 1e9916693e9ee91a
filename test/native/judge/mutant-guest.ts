import { readFile } from 'node:fs/promises';
import { openMachine } from '../../../emulator/machine/open.ts';
import { LINUX_6_18 } from '../../../kernel-model/rseq/linux-6.18.ts';
import { answerScripts, emulatedRunner } from './guest-runs.ts';

/**
 * A program that mutation.test.ts bundles with a mistake in the model: LIBRARY GUEST SCRIPTS, the last
 * a file of one script a line. Writes the machine's answers, one a line.
 */
const [libraryPath = '', guest = '', file = ''] = process.argv.slice(2);
const scripts = (await readFile(file, 'utf8')).trimEnd().split('\n');
const run = emulatedRunner(openMachine({ libraryPath }), guest, LINUX_6_18);
for (const answer of await answerScripts(run, scripts)) console.log(answer);
