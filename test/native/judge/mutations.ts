/** One rule of the model, and the edit of its source that breaks it: `from` is there exactly once. */
export interface Mutation {
  readonly rule: string;
  /** Beneath kernel-model/. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** What sees it: the traced task, or the program. */
  readonly seenBy: 'traced' | 'guest';
  /** Causes of the program that come to the point, besides a sample of all. */
  readonly causes?: RegExp;
}

export type Edit = readonly [rule: string, from: string, to: string];

/** Edits of one file, which the traced task sees. */
export function edits(file: string, list: readonly Edit[]): Mutation[] {
  return list.map(([rule, from, to]) => ({ rule, file, from, to, seenBy: 'traced' }));
}

const DESCRIPTOR = edits('rseq/descriptor.ts', [
  [
    'the post-commit address is outside',
    'ip - words.startIp) < words.postCommitOffset',
    'ip - words.startIp) <= words.postCommitOffset',
  ],
  [
    'the range test is unsigned',
    'return BigInt.asUintN(64, ip - words.startIp) <',
    'return ip - words.startIp <',
  ],
  ['the end must be below the limit', 'if (end >= TASK_SIZE_WORD) return', 'if (end < 0n) return'],
  [
    'the limit itself is no end',
    'if (end >= TASK_SIZE_WORD) return',
    'if (end > TASK_SIZE_WORD) return',
  ],
  [
    'abort_ip must be below the limit',
    'if (abortIp >= TASK_SIZE_WORD) return',
    'if (abortIp > TASK_SIZE_WORD) return',
  ],
  ['the version is 0', 'if (version > 0)', 'if (version > 1)'],
  ['the sum must not wrap', 'if (end < startIp)', 'if (end < 0n)'],
  [
    'abort_ip is not inside',
    'if (isInside(descriptor, abortIp)) return',
    'if (abortIp === descriptor.startIp) return',
  ],
  [
    'the signature must be readable',
    "if (found === undefined) return 'the signature before abort_ip is not readable';",
    'if (found === undefined) return undefined;',
  ],
  ['the signature must be the registered one', 'if (found !== signature) {', 'if (found === 0) {'],
  [
    'a sound section ends below the limit',
    'if (end >= TASK_SIZE || abort >= TASK_SIZE) return undefined;',
    'if (abort >= TASK_SIZE) return undefined;',
  ],
  [
    'a sound abort_ip is below the limit',
    'if (end >= TASK_SIZE || abort >= TASK_SIZE) return undefined;',
    'if (end >= TASK_SIZE) return undefined;',
  ],
  [
    'a sound abort_ip is outside',
    'if (abort >= start && abort < end) return undefined;',
    'if (abort === start) return undefined;',
  ],
  [
    'abort_ip right behind a sound section is outside',
    'if (abort >= start && abort < end) return undefined;',
    'if (abort >= start && abort <= end) return { source: address, start, end, abort: start };',
  ],
  [
    'a sound signature is the registered one',
    '!== signature) return undefined;',
    '=== 0) return undefined;',
  ],
  [
    'a sound descriptor has no flags and no version',
    'if (words[at + WORD.version] !== 0 || words[at + WORD.flags] !== 0) return undefined;',
    '',
  ],
]);

const EVALUATION = edits('rseq/classic.ts', [
  [
    'the end of a sound section is outside',
    'ip >= (sound.start ?? 0) && ip < sound.end;',
    'ip >= (sound.start ?? 0) && ip <= sound.end;',
  ],
  [
    'the start of a sound section is inside',
    'ip >= (sound.start ?? 0) && ip < sound.end;',
    'ip > (sound.start ?? 0) && ip < sound.end;',
  ],
  [
    'outside of a sound section rseq_cs is cleared',
    'if (!isInside) return clearPointer(memory, cell);',
    'if (!isInside) return RESUMED;',
  ],
  [
    'outside of any other section rseq_cs is cleared',
    'registers.instructionPointer))) {\n    return clearPointer(memory, cell);',
    'registers.instructionPointer))) {\n    return RESUMED;',
  ],
  [
    'descriptors are checked wherever the task is',
    'if (defect !== undefined) return fatal(defect);\n  if (!isInside(descriptor, BigInt(registers',
    'if (defect !== undefined) return RESUMED;\n  if (!isInside(descriptor, BigInt(registers',
  ],
  [
    'rseq_cs must lead to a descriptor',
    "fatal('the descriptor is not readable');\n" +
      '  const defect = findDescriptorDefect(memory, descriptor, registration.signature);',
    'RESUMED;\n  const defect = findDescriptorDefect(memory, descriptor, registration.signature);',
  ],
  [
    'descriptor flags are fatal inside',
    'if (!filtersEvents && descriptorFlags !== 0) {',
    'if (filtersEvents && descriptorFlags !== 0) {',
  ],
  [
    'unknown descriptor flags are fatal too',
    'if (!filtersEvents && descriptorFlags !== 0) {',
    'if (!filtersEvents && (descriptorFlags & 7) !== 0) {',
  ],
  [
    'area flags are fatal inside',
    'if (!filtersEvents && areaFlags !== 0) {',
    'if (filtersEvents && areaFlags !== 0) {',
  ],
  [
    'unknown area flags are fatal too',
    'if (!filtersEvents && areaFlags !== 0) {',
    'if (!filtersEvents && (areaFlags & 7) !== 0) {',
  ],
  [
    'an abort clears rseq_cs',
    'const cleared = clearPointer(memory, registration.address + RSEQ_AREA.rseqCs);',
    'const cleared: ResumeOutcome = RESUMED;',
  ],
  [
    'an abort goes to abort_ip',
    'registers.instructionPointer = region.abort ?? 0;',
    'registers.instructionPointer = region.end;',
  ],
  [
    'ids are written at every reschedule',
    'if (!writeIds(context.memory, registration.address, task)) {',
    "if (outcome.kind === 'aborted' && !writeIds(context.memory, registration.address, task)) {",
  ],
  [
    'no id is written of a task that is refused',
    "if (outcome.kind === 'fatal') return outcome;\n    if (!writeIds",
    "if (outcome.kind === 'fatal' && writeIds(context.memory, registration.address, task))\n" +
      '      return outcome;\n    if (!writeIds',
  ],
  [
    'a switch records an event',
    'onSwitchOut(task) {\n      record(task, RSEQ_EVENT_PREEMPT);',
    'onSwitchOut(task) {\n      task.notifyResume = true;',
  ],
  [
    'a handler frame shows the abort handler',
    'record(context.task, RSEQ_EVENT_SIGNAL);\n      return onResume(context);',
    'record(context.task, RSEQ_EVENT_SIGNAL);\n      return RESUMED;',
  ],
]);

const AREA = edits('rseq/area.ts', [
  ['cpu_id_start is the CPU', 'cpuIdStart, vcpu, vcpu) &&', 'cpuIdStart, 0, vcpu) &&'],
  [
    'mm_cid is not the CPU',
    'memory.writeU32Pair(area + RSEQ_AREA.nodeId, NODE_ID, mmCid)',
    'memory.writeU32Pair(area + RSEQ_AREA.nodeId, NODE_ID, vcpu + 0 * mmCid)',
  ],
  [
    'rseq_cs is cleared in both halves',
    'memory.writeU32Pair(cell, 0, 0) ?',
    'memory.writeU32Pair(cell + 4, 0, 0) ?',
  ],
]);

const REGISTRATION = edits('rseq/registration.ts', [
  [
    'unregistering with other flags is refused',
    'if (rules.refusesUnregisterFlags && request.flags !== RSEQ_FLAG_UNREGISTER) {',
    'if (!rules.refusesUnregisterFlags && request.flags !== RSEQ_FLAG_UNREGISTER) {',
  ],
  [
    'unregistering needs the same length',
    'if (current.lengthBytes !== request.lengthBytes) return',
    'if (current.lengthBytes < request.lengthBytes) return',
  ],
  [
    'unregistering needs the same signature',
    "if (current.signature !== request.signature) return fails('EPERM');",
    '',
  ],
  [
    'the length is asked before the signature',
    "if (current.lengthBytes !== request.lengthBytes) return fails('EINVAL');\n",
    "if (current.signature !== request.signature) return fails('EPERM');\n" +
      "  if (current.lengthBytes !== request.lengthBytes) return fails('EINVAL');\n",
  ],
  [
    'unregistering ends the registration',
    'task.rseq = undefined;\n  task.rseqSlice = undefined;',
    'task.rseqSlice = undefined;',
  ],
  [
    'registering with flags is refused',
    'if ((request.flags & ~rules.registerFlags) !== 0) return',
    'if ((request.flags & ~rules.registerFlags & 2) !== 0) return',
  ],
  [
    'registering twice is refused',
    'if (task.rseq !== undefined) return registerAgain(task.rseq, request);',
    '',
  ],
  [
    'another area is another registration',
    'BigInt(current.address) === request.pointer && current.lengthBytes === request.lengthBytes;',
    'current.lengthBytes === request.lengthBytes;',
  ],
  [
    'another length is another registration',
    'BigInt(current.address) === request.pointer && current.lengthBytes === request.lengthBytes;',
    'BigInt(current.address) === request.pointer;',
  ],
  [
    'the same again is EBUSY',
    "=== request.signature ? 'EBUSY' : 'EPERM'",
    "=== request.signature ? 'EPERM' : 'EBUSY'",
  ],
  [
    'an area of 32 bytes is aligned',
    'return pointer % BigInt(ORIG_RSEQ_SIZE) === 0n;\n',
    'return pointer % 4n >= 0n;\n',
  ],
  [
    'a longer area is aligned',
    'pointer % BigInt(extendedAlignBytes) === 0n;',
    'pointer % 4n === 0n;',
  ],
  [
    'an area has 32 bytes',
    'if (extendedAlignBytes === undefined || lengthBytes < ORIG_RSEQ_SIZE) return false;',
    'if (extendedAlignBytes === undefined) return false;',
  ],
  [
    'an area may end where user memory ends',
    'pointer + BigInt(lengthBytes) <= TASK_SIZE_WORD',
    'pointer + BigInt(lengthBytes) < TASK_SIZE_WORD',
  ],
  [
    'an area ends in user memory',
    'pointer + BigInt(lengthBytes) <= TASK_SIZE_WORD',
    'lengthBytes > 0',
  ],
  [
    'an area must be readable',
    'if (stale === undefined) return false;',
    'if (stale === undefined) return true;',
  ],
  [
    'registering clears a stale rseq_cs',
    'return stale === 0n || memory.writeU64(area + RSEQ_AREA.rseqCs, 0n);',
    'return true;',
  ],
  [
    'unregistering resets cpu_id',
    'memory.writeU32(area + RSEQ_AREA.cpuId, RSEQ_CPU_ID_UNINITIALIZED);',
    'memory.writeU32(area + RSEQ_AREA.cpuId, 0);',
  ],
  [
    'unregistering resets cpu_id_start',
    'memory.writeU32(area + RSEQ_AREA.cpuIdStart, cpuIdStart) &&',
    'memory.readU32(area + RSEQ_AREA.cpuIdStart) !== undefined &&',
  ],
]);

const MEMBARRIER = edits('syscalls/membarrier.ts', [
  ['flags are refused', 'flags === MEMBARRIER_CMD_FLAG_CPU)) return', 'flags !== -1)) return'],
  [
    'only the rseq command takes a CPU',
    'const isCpuAllowed = command === MEMBARRIER.PRIVATE_EXPEDITED_RSEQ &&',
    'const isCpuAllowed = command > 0 &&',
  ],
  ['the query tells every command', 'return returns(known);', 'return returns(known & 255);'],
  [
    'registrations are kept',
    'each.membarrierRegistrations |= command;',
    'each.membarrierRegistrations = command;',
  ],
  [
    'a command needs its registration',
    "return (process.membarrierRegistrations & registration) === 0 ? fails('EPERM') : returns(0);",
    "return process.membarrierRegistrations === 0 ? fails('EPERM') : returns(0);",
  ],
  [
    'the rseq command needs its registration',
    "if (denied.kind !== 'return' || denied.value !== 0n) return denied;",
    '',
  ],
  [
    'a special registration shows as the plain one too',
    'done | MEMBARRIER.REGISTER_PRIVATE_EXPEDITED;',
    'done;',
  ],
  [
    'combined commands are refused',
    "if (command !== MEMBARRIER.QUERY && (known & command) !== command) return fails('EINVAL');",
    'if ((command & 3) === 3) return returns(0);',
  ],
]);

/** The rules that the traced task is judged by. */
export const TRACED_MUTATIONS: readonly Mutation[] = [
  ...DESCRIPTOR,
  ...EVALUATION,
  ...AREA,
  ...REGISTRATION,
  ...MEMBARRIER,
];
