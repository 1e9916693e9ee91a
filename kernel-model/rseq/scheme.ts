/**
 * What user code is written against: how a thread registers, and how a section is armed, committed and
 * aborted. Each has a header and builds of the workloads in guest/abi/ by its name, and the contract
 * suite has one way to register and arm a task for it. Kernels may share one.
 */
export type Scheme =
  | 'turner-v1'
  | 'turner-v2'
  | 'getcpu-cache'
  | 'thread-local-abi'
  | 'lutomirski-2016'
  | 'desnoyers-2016a'
  | 'desnoyers-2016b'
  | 'rfc-2017'
  | 'mainline';
