/** RLIM_INFINITY. */
const RLIMIT_INFINITY = 0xffff_ffff_ffff_ffffn;

/** A resource limit (struct rlimit64). */
export interface ResourceLimit {
  readonly current: bigint;
  readonly maximum: bigint;
}

function limit(current: bigint, maximum = current): ResourceLimit {
  return { current, maximum };
}

/**
 * The limits of every guest by resource number, as INIT_RLIMITS in include/asm-generic/resource.h;
 * the limits of processes and of pending signals, which depend on the machine's memory, are ours.
 */
export const RESOURCE_LIMITS: readonly ResourceLimit[] = [
  /* RLIMIT_CPU */ limit(RLIMIT_INFINITY),
  /* RLIMIT_FSIZE */ limit(RLIMIT_INFINITY),
  /* RLIMIT_DATA */ limit(RLIMIT_INFINITY),
  /* RLIMIT_STACK */ limit(0x80_0000n, RLIMIT_INFINITY),
  /* RLIMIT_CORE */ limit(0n, RLIMIT_INFINITY),
  /* RLIMIT_RSS */ limit(RLIMIT_INFINITY),
  /* RLIMIT_NPROC */ limit(0x8000n),
  /* RLIMIT_NOFILE */ limit(1024n, 4096n),
  /* RLIMIT_MEMLOCK */ limit(0x80_0000n),
  /* RLIMIT_AS */ limit(RLIMIT_INFINITY),
  /* RLIMIT_LOCKS */ limit(RLIMIT_INFINITY),
  /* RLIMIT_SIGPENDING */ limit(0x8000n),
  /* RLIMIT_MSGQUEUE */ limit(819_200n),
  /* RLIMIT_NICE */ limit(0n),
  /* RLIMIT_RTPRIO */ limit(0n),
  /* RLIMIT_RTTIME */ limit(RLIMIT_INFINITY),
];
