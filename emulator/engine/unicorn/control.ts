/**
 * The control block that a CPU's native hooks and TypeScript share: byte offsets (thunks.S uses the
 * same numbers). One a CPU, in memory that stays mapped for the life of the process.
 */
export const CONTROL = {
  /** i32: instructions left to start; below zero once the budget stopped the run. */
  remaining: 0,
  /** i32: a STOP_* reason, 0 while running. */
  stopReason: 4,
  /** u64: the instruction that started last. */
  lastIp: 8,
  /** u64: the one before it. */
  previousIp: 16,
  /** u64: this special instruction is let through once; all ones for none. */
  passIp: 24,
  /** u64: this REP instruction is let through, iteration by iteration; all ones for none. */
  repeatIp: 32,
  /** u64: pointer to the table of class maps. */
  classTable: 40,
  /** u64: pointer to uc_emu_stop. */
  stopFunction: 48,
  /** u64: pointer to the log's {cursor, limit} pair. */
  log: 56,
  /** u64: guest address of the watched word; a non-canonical value for none. */
  watch: 64,
  /** u64: pointer to the table of known arming values. */
  knownArmings: 72,
  /** u64: the instruction that a stop came before. */
  stopIp: 80,
  /** i32: `remaining` at the time of an armed stop. */
  savedRemaining: 88,
  /** u64: pointer to the slow memory hook, a JavaScript callback. */
  slowMemoryHook: 96,
  /** u64, u64: guest range of the known descriptors: start and length in bytes. */
  descriptorStart: 112,
  descriptorLength: 120,
  /** u64: the uc_engine. */
  uc: 128,
  /** u64: the instruction at which to start. */
  startIp: 136,
  /** u64: pointer to uc_emu_start. */
  startFunction: 144,
  /** i32: what uc_emu_start returned. */
  error: 152,
  /** i32: make no stop where `remaining` is this; below zero: never. */
  stopPass: 156,
  /** i32: bits of class bytes before which runs stop. */
  stopMask: 160,
  /** u64: pointer to a bit for each byte of a page: stops at those that are set. */
  stopBitmap: 168,
  size: 176,
} as const;

export const STOP_BUDGET = 1;
export const STOP_SPECIAL = 2;
export const STOP_LOG_FULL = 3;
export const STOP_ARMED = 4;

/** Direct-mapped table from page number to class map: entries of {u64 page, u64 pointer}. */
export const CLASS_TABLE_ENTRIES = 1024;
export const CLASS_TABLE_BYTES = CLASS_TABLE_ENTRIES * 16;
/** Direct-mapped table of known arming values, indexed by bits 5 to 10. */
export const KNOWN_ARMINGS = 64;
export const NO_ADDRESS = 0xffff_ffff_ffff_ffffn;

/** Values of stopPass: never stop, and pass none. */
export const NO_STOP = -1;
export const PASS_NONE = 0x7fff_ffff;
