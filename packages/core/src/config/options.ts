/**
 * The table of configuration keys: type, default and meaning of each. Flink's keys wherever the meaning is the same.
 * `docs/reference/configuration.md` is made from it. `parse-config.ts` reads values against it.
 */

export type OptionSpec =
  /** Milliseconds; written as `10 s`, `100 ms`, or a bare number of milliseconds. */
  | (Spec<'duration', number> & { readonly allowZero?: boolean })
  /** Bytes; written as `64 mb`. */
  | Spec<'size', number>
  | (Spec<'integer', number> & { readonly min: number; readonly max?: number })
  | (Spec<'number', number> & { readonly min: number; readonly max?: number; readonly exclusiveMin?: boolean })
  | Spec<'boolean', boolean>
  | Spec<'text', string>
  | (Spec<'choice', string> & {
      readonly choices: readonly string[]
      readonly aliases?: Readonly<Record<string, string>>
      /** Values that Flink has and this engine does not, with what to write instead. */
      readonly refused?: Readonly<Record<string, string>>
    })

interface Spec<Type extends string, V> {
  readonly type: Type
  /** `undefined`: unset unless given; then `doc` says what that means. */
  readonly default: V | undefined
  readonly doc: string
  /** Given when default or meaning is not Flink's. */
  readonly differs?: string
}

export const CONFIG_OPTIONS = {
  'execution.checkpointing.interval': {
    type: 'duration',
    default: 10_000,
    allowZero: true,
    doc: 'Time between checkpoints; 0 turns them off. Without checkpoints sinks commit when the input ends.',
    differs: 'Flink: no checkpoints unless set.',
  },
  'execution.checkpointing.dir': {
    type: 'text',
    default: undefined,
    doc: 'Folder of the checkpoints. Default: .millrace/<job name>.',
    differs: 'Flink: no default.',
  },
  'execution.checkpointing.savepoint-dir': {
    type: 'text',
    default: undefined,
    doc: 'Folder in which savepoints get folders of their own, where the request names no other. Default: a savepoint needs a folder.',
  },
  'execution.checkpointing.mode': {
    type: 'choice',
    choices: ['EXACTLY_ONCE', 'AT_LEAST_ONCE'],
    default: 'EXACTLY_ONCE',
    doc: 'AT_LEAST_ONCE never holds an input back for a barrier: records may count twice after a failure.',
  },
  'execution.checkpointing.timeout': {
    type: 'duration',
    default: 600_000,
    doc: 'A checkpoint that takes longer is given up.',
  },
  'execution.checkpointing.min-pause': {
    type: 'duration',
    default: 0,
    allowZero: true,
    doc: 'Least time between the end of a checkpoint and the trigger of the next.',
  },
  'execution.checkpointing.max-concurrent-checkpoints': {
    type: 'integer',
    min: 1,
    default: 1,
    doc: 'Checkpoints and savepoints in progress at the same time.',
  },
  'execution.checkpointing.unaligned.enabled': {
    type: 'boolean',
    default: false,
    doc: 'Whether barriers overtake records that wait in channels; these are then stored with the checkpoint. For EXACTLY_ONCE and one checkpoint at a time.',
  },
  'execution.checkpointing.aligned-checkpoint-timeout': {
    type: 'duration',
    default: 0,
    allowZero: true,
    doc: 'With unaligned checkpoints: how long a checkpoint is tried with aligned barriers, from its trigger on; 0 overtakes at once.',
  },
  'execution.checkpointing.num-retained': {
    type: 'integer',
    min: 1,
    default: 1,
    doc: 'Completed checkpoints that are kept.',
  },
  'execution.checkpointing.tolerable-failed-checkpoints': {
    type: 'integer',
    min: 0,
    default: 0,
    doc: 'Failed checkpoints in a row that do not fail the job.',
  },
  'execution.checkpointing.externalized-checkpoint-retention': {
    type: 'choice',
    choices: ['RETAIN_ON_CANCELLATION', 'DELETE_ON_CANCELLATION', 'NO_EXTERNALIZED_CHECKPOINTS'],
    default: 'RETAIN_ON_CANCELLATION',
    doc: 'Whether checkpoints stay when the job is cancelled; DELETE_ON_CANCELLATION keeps them after a failure, NO_EXTERNALIZED_CHECKPOINTS never. A signal that ends the process is no cancellation: they stay.',
    differs: 'Flink: NO_EXTERNALIZED_CHECKPOINTS; and of a job that has finished they always go.',
  },
  'execution.checkpointing.incremental': {
    type: 'boolean',
    default: true,
    doc: 'Whether a checkpoint writes only what changed since the one before.',
    differs: 'Flink: false.',
  },
  'execution.state-recovery.path': {
    type: 'text',
    default: undefined,
    doc: 'Checkpoint or savepoint to start from, as -s. Default: a fresh start.',
  },
  'execution.state-recovery.claim-mode': {
    type: 'choice',
    choices: ['NO_CLAIM', 'CLAIM'],
    refused: {
      legacy:
        'LEGACY leaves open who may delete what: write NO_CLAIM to leave it to you, or CLAIM to give it to the job.',
    },
    default: 'NO_CLAIM',
    doc: 'Who owns the checkpoint or savepoint that execution.state-recovery.path or -s names. NO_CLAIM: you; the job never removes it and soon does not need it. CLAIM: the job; it counts as its oldest checkpoint and is removed like one.',
    differs: 'Flink: LEGACY too.',
  },
  'execution.state-recovery.ignore-unclaimed-state': {
    type: 'boolean',
    default: false,
    doc: 'State that no step of the job asks for is left behind instead of refused.',
  },
  'execution.buffer-timeout': {
    type: 'duration',
    default: 100,
    allowZero: true,
    doc: 'Longest time that a record waits for its batch to fill; 0 sends after every turn. Partial results of windows wait for 100 ms where this is shorter.',
  },
  'rest.address': {
    type: 'text',
    default: 'localhost',
    doc: 'Name under which the REST server is reached; millrace list, cancel, stop, savepoint and checkpoint ask there.',
    differs: 'Flink: no default.',
  },
  'rest.port': {
    type: 'integer',
    min: 0,
    max: 65_535,
    default: 8081,
    doc: 'Port of the REST server; 0: any free one. Where it is not set and 8081 is taken, the next free one.',
    differs: 'Flink: a taken port ends the process.',
  },
  'rest.bind-port': {
    type: 'text',
    default: undefined,
    doc: 'Ports of which the REST server takes the first free one, as 8081-8090; wins over rest.port, which clients ask.',
  },
  'rest.bind-address': {
    type: 'text',
    default: 'localhost',
    doc: 'Address that the REST server listens on. It has no passwords: any other than that of this machine lets everybody there cancel the job.',
    differs: 'Flink: all addresses, unless its own configuration file says so.',
  },
  'rest.async.store-duration': {
    type: 'duration',
    default: 300_000,
    doc: 'How long a savepoint or checkpoint that was asked for can be asked about after it has ended.',
  },
  'web.access-control-allow-origin': {
    type: 'text',
    default: undefined,
    doc: 'Sites whose pages may read what the REST server answers; * are all. Default: none.',
    differs: 'Flink: *.',
  },
  'parallelism.default': {
    type: 'integer',
    min: 1,
    max: 32_768,
    default: 1,
    doc: 'Parallelism of steps that do not set their own; -p sets it.',
  },
  'pipeline.max-parallelism': {
    type: 'integer',
    min: 1,
    max: 32_768,
    default: undefined,
    doc: 'Number of key groups, fixed with the first checkpoint. Default: 128 up to parallelism 85, then the next power of two of 1.5 × parallelism, at most 32,768.',
  },
  'taskmanager.numberOfTaskSlots': {
    type: 'integer',
    min: 1,
    max: 1_024,
    default: undefined,
    doc: 'Slots (worker threads) of the process. Default: as many as the job needs.',
    differs: 'Flink: 1.',
  },
  'taskmanager.memory.network.max': {
    type: 'size',
    default: 1024 ** 3,
    doc: 'The rings between slots may never take more than this together; a job that needs more is refused.',
  },
  'taskmanager.memory.segment-size': {
    type: 'size',
    default: 32 * 1024,
    doc: 'Smallest ring of one channel.',
  },
  'taskmanager.memory.max-segment-size': {
    type: 'size',
    default: 1024 ** 2,
    doc: 'Largest ring of one channel; rings are as large as the network memory allows up to this.',
    differs: 'Not in Flink, whose channels share a pool of segments.',
  },
  'taskmanager.memory.task.heap.size': {
    type: 'size',
    default: undefined,
    doc: 'Heap of one slot; a slot over it fails itself, naming the state. Default: its share of the memory of the machine.',
    differs: 'Flink: of the whole task manager.',
  },
  'taskmanager.memory.managed.size': {
    type: 'size',
    default: undefined,
    doc: 'Memory of one slot for state that is in use, with state.backend.type: segments or rocksdb. For segments it is a part of the heap of the slot; for rocksdb one half is, and the other belongs to RocksDB, outside of the heap. Default: two fifths of the heap.',
    differs: 'Flink: of the whole task manager, outside of the heap.',
  },
  'io.tmp.dirs': {
    type: 'text',
    default: undefined,
    doc: 'Folders for the files of the local state store, separated by commas; slots take them in turn. Nothing in there outlives the process. Default: the folder for temporary files of the system.',
  },
  'heartbeat.timeout': {
    type: 'duration',
    default: 50_000,
    doc: 'A slot that makes no progress for this long is terminated and the job restarted.',
  },
  'state.backend.type': {
    type: 'choice',
    choices: ['hashmap', 'rocksdb', 'segments'],
    refused: {
      forst:
        'There is no ForSt backend: write segments or rocksdb, which keep state beyond memory on the local disk, or hashmap.',
    },
    default: 'hashmap',
    doc: 'Where the state of a running job is kept. hashmap: in the heap of the slot. segments: in files on the local disk, behind a cache of taskmanager.memory.managed.size, for state larger than memory. rocksdb: in a RocksDB database on the local disk, for state larger than memory of which not even the places of all keys are to be in memory; needs the package @nxtedition/rocksdb. Any checkpoint or savepoint restores on each.',
    differs: 'Flink has no segments.',
  },
  'state.backend.rocksdb.localdir': {
    type: 'text',
    default: undefined,
    doc: 'Folders for the databases of RocksDB, separated by commas; slots take them in turn. Nothing in there outlives the job. Default: those of io.tmp.dirs.',
  },
  'state.backend.rocksdb.memory.write-buffer-ratio': {
    type: 'number',
    min: 0,
    exclusiveMin: true,
    max: 0.9,
    default: 0.5,
    doc: "Part of RocksDB's memory for write buffers; the rest is its block cache, indexes and filters included. Each has at least 1 MiB.",
  },
  'state.backend.rocksdb.compaction.style': {
    type: 'choice',
    choices: ['LEVEL', 'UNIVERSAL'],
    refused: {
      fifo: 'Write UNIVERSAL, or LEVEL: state must not be dropped because it is old.',
      none: 'Write UNIVERSAL, or LEVEL: without compaction the disk fills up.',
    },
    default: 'UNIVERSAL',
    doc: 'How RocksDB puts its files together. UNIVERSAL: with less work. LEVEL: compressed, with about a third of the disk, for twice the CPU time.',
    differs: 'Flink: LEVEL, not compressed.',
  },
  'state.backend.rocksdb.thread.num': {
    type: 'integer',
    min: 1,
    max: 64,
    default: 2,
    doc: 'Threads of each slot for the flushes and compactions of RocksDB.',
    differs: 'Flink: of each stateful operator.',
  },
  'state.backend.rocksdb.block.blocksize': {
    type: 'size',
    default: 4 * 1024,
    doc: 'Bytes of a block of RocksDB before compression: what is read at least for an entry that is in no cache.',
  },
  'state.storage.fs.memory-threshold': {
    type: 'size',
    default: 20 * 1024,
    doc: 'State of a subtask smaller than this goes into the manifest instead of a file.',
  },
  'restart-strategy.type': {
    type: 'choice',
    choices: ['none', 'fixed-delay', 'failure-rate', 'exponential-delay'],
    aliases: {
      off: 'none',
      disable: 'none',
      fixeddelay: 'fixed-delay',
      failurerate: 'failure-rate',
      exponentialdelay: 'exponential-delay',
    },
    default: undefined,
    doc: 'What happens when the job fails. Default: exponential-delay with checkpoints, none without.',
  },
  'restart-strategy.fixed-delay.attempts': {
    type: 'integer',
    min: 0,
    default: 1,
    doc: 'Restarts before the job fails.',
  },
  'restart-strategy.fixed-delay.delay': {
    type: 'duration',
    allowZero: true,
    default: 1_000,
    doc: 'Time before each restart.',
  },
  'restart-strategy.failure-rate.max-failures-per-interval': {
    type: 'integer',
    min: 1,
    default: 1,
    doc: 'Failures within the interval that do not fail the job.',
  },
  'restart-strategy.failure-rate.failure-rate-interval': {
    type: 'duration',
    default: 60_000,
    doc: 'The interval in which failures are counted.',
  },
  'restart-strategy.failure-rate.delay': {
    type: 'duration',
    allowZero: true,
    default: 1_000,
    doc: 'Time before each restart.',
  },
  'restart-strategy.exponential-delay.initial-backoff': {
    type: 'duration',
    default: 1_000,
    doc: 'Time before the first restart; no restart comes sooner.',
  },
  'restart-strategy.exponential-delay.max-backoff': {
    type: 'duration',
    default: 60_000,
    doc: 'Longest time before a restart.',
  },
  'restart-strategy.exponential-delay.backoff-multiplier': {
    type: 'number',
    min: 1,
    exclusiveMin: true,
    default: 1.5,
    doc: 'The time before a restart is multiplied by this after every failure.',
  },
  'restart-strategy.exponential-delay.reset-backoff-threshold': {
    type: 'duration',
    default: 3_600_000,
    doc: 'Running this long without a failure makes the time before a restart the first one again.',
  },
  'restart-strategy.exponential-delay.jitter-factor': {
    type: 'number',
    min: 0,
    max: 1,
    default: 0.1,
    doc: 'Random share that is added to or taken off the time before a restart.',
  },
  'restart-strategy.exponential-delay.attempts-before-reset-backoff': {
    type: 'integer',
    min: 1,
    default: undefined,
    doc: 'Restarts before the job fails, counted since the time was last reset. Default: no limit.',
  },
  'millrace.exchange.encode': {
    type: 'choice',
    choices: ['auto', 'always'],
    default: 'auto',
    doc: 'auto: tasks in the same slot hand records over by reference. always: every hand-over is encoded.',
  },
  'millrace.exchange.combine': {
    type: 'choice',
    choices: ['auto', 'never'],
    default: 'auto',
    doc: 'auto: where records go to windows whose aggregate can merge, partial results are made before the exchange, as long as keys repeat. never: every record travels.',
  },
  'millrace.channel.local-size': {
    type: 'size',
    default: 1024 ** 2,
    doc: 'Bytes (estimated) that may wait between two tasks of the same slot.',
  },
  'millrace.channel.read-ahead-size': {
    type: 'size',
    default: 16 * 1024 ** 2,
    doc: 'With unaligned checkpoints: bytes (as channels count them) that a subtask takes out of its channels and keeps when a barrier overtakes what waits there. Beyond that it takes them as it works off, and the checkpoint is complete that much later.',
  },
  'millrace.record.max-size': {
    type: 'size',
    default: 64 * 1024 ** 2,
    doc: 'Largest encoded record; a larger one fails the job.',
  },
  'millrace.rest.enabled': {
    type: 'boolean',
    default: true,
    doc: 'Whether millrace run starts the REST server.',
  },
  'millrace.development-mode': {
    type: 'boolean',
    default: false,
    doc: 'Freezes records and state values that are handed over, so that changing them throws at the place.',
  },
} as const satisfies Readonly<Record<string, OptionSpec>>

export type ConfigKey = keyof typeof CONFIG_OPTIONS

type ValueOfSpec<S> = S extends { readonly type: 'choice'; readonly choices: readonly (infer C)[] }
  ? C
  : S extends { readonly type: 'boolean' }
    ? boolean
    : S extends { readonly type: 'text' }
      ? string
      : number

/** Every key with its value: durations in milliseconds, sizes in bytes; `undefined` for keys without default. */
export type ConfigValues = {
  readonly [K in ConfigKey]: (typeof CONFIG_OPTIONS)[K]['default'] extends undefined
    ? ValueOfSpec<(typeof CONFIG_OPTIONS)[K]> | undefined
    : ValueOfSpec<(typeof CONFIG_OPTIONS)[K]>
}
