import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '@millrace/api'
import { parseConfig } from '../../src/config/parse-config.ts'

/** Keys as somebody who tunes Flink brings them along, and what is said of each. */
const cases: readonly (readonly [key: string, hint: RegExp])[] = [
  ['state.backend.local-recovery', /no local copies/],
  ['execution.state-recovery.from-local', /no local copies/],
  ['execution.checkpointing.local-backup.dirs', /no local copies/],
  ['state.backend.changelog.enabled', /no changelog/],
  ['state.checkpoint-storage', /execution\.checkpointing\.dir/],
  ['state.backend.rocksdb.writebuffer.size', /millrace config rocksdb/],
  ['state.backend.rocksdb.block.cache-size', /millrace config rocksdb/],
  ['state.backend.rocksdb.predefined-options', /millrace config rocksdb/],
  ['taskmanager.memory.process.size', /task\.heap\.size/],
  ['taskmanager.memory.managed.fraction', /task\.heap\.size/],
  ['jobmanager.memory.process.size', /no cluster/],
  ['high-availability.type', /no cluster/],
  ['env.java.opts.all', /no JVM/],
  ['metrics.reporters', /not exported/],
  ['table.exec.state.ttl', /valueState/],
  // What is near a key that there is, is a typing error.
  ['state.backend.rocksdb.compaction.stile', /Did you mean "state\.backend\.rocksdb\.compaction\.style"\?/],
  ['state.backend.rocksdb.local-dir', /Did you mean "state\.backend\.rocksdb\.localdir"\?/],
  ['taskmanager.memory.managd.size', /Did you mean "taskmanager\.memory\.managed\.size"\?/],
  ['state.checkpoints.dir', /Did you mean "execution\.checkpointing\.dir"\?/],
  ['jobmanagers.x', /lists all keys/],
]

for (const [key, hint] of cases) {
  test(`-D ${key}: ${hint.source}`, () => {
    assert.throws(
      () => parseConfig([{ source: '-D', pairs: { [key]: '1' } }]),
      (error: unknown) =>
        error instanceof MillraceError && error.code === 'CONFIG_UNKNOWN_KEY' && hint.test(error.hint ?? ''),
    )
  })
}
