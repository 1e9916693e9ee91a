import { type Edit, edits, type Mutation } from './mutations.ts';

/** Edits that only the program sees, by causes that come to the point. */
function guestEdits(file: string, causes: RegExp, list: readonly Edit[]): Mutation[] {
  return edits(file, list).map((mutation) => ({ ...mutation, seenBy: 'guest', causes }));
}

const FENCES = guestEdits('syscalls/membarrier.ts', /^membarrier/, [
  ['to all CPUs is not to the caller', 'cpu < 0 ? vcpu.current !== caller.id', 'cpu < 0 ? true'],
  ['a CPU by its number is that one', ': vcpu.id === cpu;', ': vcpu.id !== cpu;'],
  ['CPU -1 is all CPUs', 'const isTarget = cpu < 0 ?', 'const isTarget = cpu < -1 ?'],
  [
    'a fence interrupts the others',
    'if (vcpu.current === 0 || !isTarget) continue;',
    'if (vcpu.current === 0 || isTarget) continue;',
  ],
  [
    'a process of one thread is not interrupted',
    'if (users.length === 1 || state.vcpus.length === 1) return returns(0);',
    '',
  ],
]);

const EVENTS = guestEdits('rseq/classic.ts', /^membarrier|signal|fork|regist|thread/, [
  [
    'a fence records an event',
    'onMembarrier(task) {\n      record(task, RSEQ_EVENT_PREEMPT);',
    'onMembarrier(_task) {',
  ],
  [
    'a signal without a switch is an event',
    'record(context.task, RSEQ_EVENT_SIGNAL);\n      return onResume(context);',
    'return RESUMED;',
  ],
  [
    'a child of fork is registered',
    'if ((flags & unregisteredBy) !== 0n) return;\n      child.rseq = parent.rseq;',
    'if ((flags & unregisteredBy) !== 0n) return;',
  ],
  ['a thread is not registered', 'if ((flags & unregisteredBy) !== 0n) return;', ''],
]);

const KERNEL = [
  ...guestEdits('kernel.ts', /nap|task on/, [
    [
      'a task that blocks is switched out',
      'const vcpu = vcpuOf(this.state, task.vcpu);\n    this.profile.rseq.onSwitchOut(task);',
      'const vcpu = vcpuOf(this.state, task.vcpu);',
    ],
    [
      'a task that is preempted is switched out',
      'this.profile.rseq.onSwitchOut(previous);\n      exchange(',
      'exchange(',
    ],
  ]),
  ...guestEdits('signal/deliver.ts', /signal/, [
    [
      'the fix-up comes before the frame',
      'settleRseq(context, task, context.profile.rseq.onSignal(view), info.signal);\n',
      '',
    ],
  ]),
  ...guestEdits('rseq/settle.ts', /nap/, [
    ['a bad descriptor is fatal', 'forceSegv(context, task, signal);', ''],
  ]),
  ...guestEdits('task/clone.ts', /fork/, [
    ['a child of fork finds 0', "registers.write('rax', 0n);", "registers.write('rax', 1n);"],
  ]),
];

/** The rules that only a program sees, which no tracer stops. */
export const GUEST_MUTATIONS: readonly Mutation[] = [...FENCES, ...EVENTS, ...KERNEL];
