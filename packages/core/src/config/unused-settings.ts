/**
 * Values that were set and that nothing looks at, given the others: whoever set them believes something about the job that is
 * not so. They are no error, since one configuration may serve several jobs. Pure.
 */
import type { ConfigKey } from './options.ts'
import { restartStrategyOf, type TypedConfig } from './parse-config.ts'

interface Rule {
  isAbout(key: ConfigKey, config: TypedConfig): boolean
  /** Why these have no effect; `undefined`: they have. */
  because(config: TypedConfig): string | undefined
}

const UNALIGNED = 'execution.checkpointing.unaligned.enabled'
const ALIGNED_TIMEOUT = 'execution.checkpointing.aligned-checkpoint-timeout'
/** What says how barriers overtake. */
const OVERTAKING: ReadonlySet<ConfigKey> = new Set<ConfigKey>([ALIGNED_TIMEOUT, 'millrace.channel.read-ahead-size'])
const ROCKSDB_FOLDERS = 'state.backend.rocksdb.localdir'
/** What is about checkpoints only once they are taken. The folder is locked and looked at in any case. */
const WITHOUT_CHECKPOINTS: ReadonlySet<ConfigKey> = new Set<ConfigKey>([
  'execution.checkpointing.interval',
  'execution.checkpointing.dir',
])

const RULES: readonly Rule[] = [
  {
    isAbout: (key) =>
      key === 'state.storage.fs.memory-threshold' ||
      (key.startsWith('execution.checkpointing.') && !WITHOUT_CHECKPOINTS.has(key)),
    because: (config) =>
      config.get('execution.checkpointing.interval') === 0
        ? 'execution.checkpointing.interval is 0, so no checkpoints are taken'
        : undefined,
  },
  {
    isAbout: (key) => OVERTAKING.has(key),
    because: (config) => (config.get(UNALIGNED) ? undefined : `barriers stay aligned unless ${UNALIGNED} is true`),
  },
  {
    isAbout: (key) => key === UNALIGNED || OVERTAKING.has(key),
    because: (config) =>
      config.get(UNALIGNED) && config.get('execution.checkpointing.mode') === 'AT_LEAST_ONCE'
        ? 'with execution.checkpointing.mode AT_LEAST_ONCE no input waits for a barrier, so none has to be overtaken'
        : undefined,
  },
  {
    isAbout: (key) => key === 'taskmanager.memory.managed.size' || key === 'io.tmp.dirs',
    because: (config) =>
      config.get('state.backend.type') === 'hashmap'
        ? 'state.backend.type is hashmap, which keeps state in the heap of the slot (taskmanager.memory.task.heap.size)'
        : undefined,
  },
  {
    isAbout: (key) => key.startsWith('state.backend.rocksdb.'),
    because: (config) => {
      const type = config.get('state.backend.type')
      return type === 'rocksdb' ? undefined : `state.backend.type is ${type}`
    },
  },
  {
    isAbout: (key) => key === 'io.tmp.dirs',
    because: (config) =>
      config.get('state.backend.type') === 'rocksdb' && config.get(ROCKSDB_FOLDERS) !== undefined
        ? `${ROCKSDB_FOLDERS} says where the files of the local state store are`
        : undefined,
  },
  {
    isAbout: (key) => key.startsWith('rest.') || key.startsWith('web.'),
    because: (config) =>
      config.get('millrace.rest.enabled') ? undefined : 'millrace.rest.enabled is false, so there is no REST server',
  },
  {
    isAbout: (key) => key === 'rest.port',
    because: (config) =>
      config.get('millrace.rest.enabled') && config.get('rest.bind-port') !== undefined
        ? 'rest.bind-port says which ports the REST server tries'
        : undefined,
  },
  {
    isAbout: (key, config) => {
      const [, strategy] = /^restart-strategy\.([a-z-]+)\./.exec(key) ?? []
      return strategy !== undefined && strategy !== restartStrategyOf(config).type
    },
    because: (config) => `restart-strategy.type is ${restartStrategyOf(config).type}`,
  },
]

/** One sentence for each reason, with all keys that it concerns. */
export function unusedSettings(config: TypedConfig): readonly string[] {
  return RULES.flatMap(({ isAbout, because }) => {
    const keys = [...config.sources.keys()].filter((key) => isAbout(key, config))
    const reason = keys.length === 0 ? undefined : because(config)
    return reason === undefined
      ? []
      : [`${keys.join(', ')} ${keys.length === 1 ? 'has' : 'have'} no effect: ${reason}.`]
  })
}
