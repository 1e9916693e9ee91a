import type { Argv } from 'yargs';

/** A verb with its options, ready to run; gives the exit status. */
export type Action = () => Promise<number>;

/** One verb of the command line. */
export interface Verb {
  readonly describe: string;
  /** Positional arguments as yargs writes them, after the verb: `[file]`. */
  readonly positionals: string;
  /** Options and positionals that are lists; giving any other one twice is refused. */
  readonly lists?: readonly string[];
  /** Declares positionals, options and examples. */
  configure(parser: Argv): Argv;
  /** Checks the parsed arguments and binds them. @throws UserError for a mistake of the user. */
  prepare(argv: Readonly<Record<string, unknown>>): Action;
}
