/** Failures of ours and mistakes of the user. */
export const EXIT_OURS = 125;
/** Ended by Ctrl-C, as a shell reports it. */
export const EXIT_INTERRUPTED = 130;
