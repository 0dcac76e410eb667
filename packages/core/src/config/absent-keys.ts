/**
 * Flink's keys that have no meaning here, and what to do instead: who brings a configuration along learns why a key is refused,
 * and not only which other one is spelt like it. Pure.
 */
import { nearestName } from '@millrace/api'

const NO_LOCAL_COPIES =
  'There are no local copies of checkpoints: each slot reads the checkpoint folder itself, which is on a disk of this machine.'
const NO_CHANGELOG =
  'There is no changelog: an incremental checkpoint writes what has changed since the one before (execution.checkpointing.incremental).'
const CHECKPOINT_FOLDER = 'Checkpoints are kept in a folder: execution.checkpointing.dir names it.'
const SLOT_MEMORY =
  'Memory is given to each slot: taskmanager.memory.task.heap.size, of which taskmanager.memory.managed.size is for state on the local disk. Channels have taskmanager.memory.network.max.'
const NO_CLUSTER = 'There is no cluster: a job is one process. After its end it is started again with --resume.'

/** By the key itself, or by what keys begin with, up to a dot. */
const ABSENT: Readonly<Record<string, string>> = {
  'execution.state-recovery.from-local': NO_LOCAL_COPIES,
  'execution.checkpointing.local-backup': NO_LOCAL_COPIES,
  'state.local-recovery': NO_LOCAL_COPIES,
  'state.backend.local-recovery': NO_LOCAL_COPIES,
  'state.changelog': NO_CHANGELOG,
  'state.backend.changelog': NO_CHANGELOG,
  'state.checkpoint-storage': CHECKPOINT_FOLDER,
  'execution.checkpointing.storage': CHECKPOINT_FOLDER,
  'execution.checkpointing.file-merging': 'What a subtask writes for a checkpoint is in one file already.',
  'execution.checkpointing.checkpoints-after-tasks-finish':
    'Checkpoints go on in any case when some of the tasks have ended.',
  'state.backend.rocksdb':
    'Few switches of RocksDB are there: millrace config rocksdb lists them. Its memory is taskmanager.memory.managed.size.',
  'state.backend.forst':
    'There is no ForSt backend: state.backend.type segments and rocksdb keep state on the local disk.',
  'taskmanager.memory.process': SLOT_MEMORY,
  'taskmanager.memory.flink': SLOT_MEMORY,
  'taskmanager.memory.managed.fraction': SLOT_MEMORY,
  'taskmanager.memory.framework': SLOT_MEMORY,
  'taskmanager.memory.task.off-heap': SLOT_MEMORY,
  'taskmanager.memory.jvm-metaspace': SLOT_MEMORY,
  'taskmanager.memory.jvm-overhead': SLOT_MEMORY,
  'taskmanager.memory.network.min': 'Channels take what they need, up to taskmanager.memory.network.max.',
  'taskmanager.memory.network.fraction': 'Channels take what they need, up to taskmanager.memory.network.max.',
  jobmanager: NO_CLUSTER,
  'high-availability': NO_CLUSTER,
  kubernetes: NO_CLUSTER,
  yarn: NO_CLUSTER,
  'env.java': `There is no JVM. ${SLOT_MEMORY}`,
  metrics: 'Metrics are not exported: millrace run --json and the REST server have them.',
  table: "There is no SQL. State gets a time to live where it is declared: valueState({ ttl: '7 d' }).",
}

/**
 * What to do instead of setting this key; `undefined` where it is none of Flink's that is known here, or where one of `known`
 * beneath the same beginning is near enough to be meant.
 */
export function insteadOfKey(name: string, known: readonly string[]): string | undefined {
  const beginning = Object.keys(ABSENT).find((each) => name === each || name.startsWith(`${each}.`))
  if (beginning === undefined) return undefined
  const beneath = known.flatMap((key) => (key.startsWith(`${beginning}.`) ? [key.slice(beginning.length + 1)] : []))
  return nearestName(name.slice(beginning.length + 1), beneath) === undefined ? ABSENT[beginning] : undefined
}
