import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  aggregatingState,
  count,
  keyedProcess,
  listState,
  mapState,
  type NodeSpec,
  type StateDeclarations,
  sum,
  valueState,
} from '@millrace/api'
import { z } from 'zod'
import { type CheckpointManifest, MANIFEST_VERSION } from '../../src/checkpoint/manifest.ts'
import { declaredTables } from '../../src/state/declared-tables.ts'
import { checkStoredStates, decideReading } from '../../src/state/stored-state-check.ts'
import type { TableDescriptor } from '../../src/state/table-descriptor.ts'
import { GraphBuilder } from '../plan/graph-builder.ts'

const specOf = (state: StateDeclarations): NodeSpec => ({
  kind: 'keyedProcess',
  key: { kind: 'field', field: 'id' },
  fn: keyedProcess({ state, onRecord() {} }),
})

const tablesOf = (state: StateDeclarations): readonly TableDescriptor[] =>
  declaredTables('days', specOf(state)).map(({ descriptor }) => descriptor)

/** What is decided of the only state of `declared`, when it was stored as `stored` says. */
function readingOf(stored: StateDeclarations, declared: StateDeclarations) {
  const [table] = declaredTables('days', specOf(declared))
  assert.ok(table !== undefined)
  const before = tablesOf(stored).find(({ name }) => name === table.descriptor.name)
  assert.ok(before !== undefined)
  return decideReading(before, table)
}

function check(stored: StateDeclarations, declared: StateDeclarations) {
  const manifest: CheckpointManifest = {
    version: MANIFEST_VERSION,
    jobName: 'job',
    lineage: '0123456789abcdef',
    checkpointId: 1,
    kind: 'savepoint',
    triggeredAtMs: 0,
    completedAtMs: 0,
    isFinal: false,
    operators: [
      {
        uid: 'days',
        name: 'days',
        parallelism: 1,
        maxParallelism: 8,
        tables: tablesOf(stored),
        keyGroups: [],
        entries: [],
        committables: [],
        finishedSubtasks: [],
      },
    ],
  }
  const graph = new GraphBuilder()
  graph.add(specOf(declared), [], { uid: 'days' })
  return checkStoredStates(manifest, graph.build(), 'sp/_metadata')
}

const Visit = z.object({ page: z.string(), at: z.number() })

describe('whether stored state can be read', () => {
  it('reads what is as it was, with another time to live too', () => {
    assert.deepEqual(readingOf({ a: valueState<number>() }, { a: valueState<number>({ ttl: '1 h' }) }), {
      kind: 'as-is',
    })
    assert.deepEqual(readingOf({ a: listState(Visit) }, { a: listState(Visit) }), { kind: 'as-is' })
  })

  it('refuses another kind, a newer version, and an older one without migrate', () => {
    const kind = readingOf({ a: valueState() }, { a: listState() })
    assert.equal(kind.kind === 'refused' && kind.code, 'STATE_MISREAD')
    const newer = readingOf({ a: valueState({ version: 3 }) }, { a: valueState<1>({ version: 2, migrate: () => 1 }) })
    assert.match(newer.kind === 'refused' ? newer.problem : '', /"a" of operator "days" was stored as version 3/)
    const older = readingOf({ a: valueState() }, { a: valueState({ version: 2 }) })
    assert.match(older.kind === 'refused' ? `${older.problem} ${older.hint}` : '', /without migrate.*Add migrate/)
  })

  it('migrates an older version, whose schema no longer counts', () => {
    const declared = valueState(z.string(), { version: 2, migrate: String })
    assert.deepEqual(readingOf({ a: valueState(z.number()) }, { a: declared }), {
      kind: 'converted',
      fromVersion: 1,
      validates: true,
    })
    const keys = mapState<string, number>({ version: 2, migrateKey: String })
    assert.deepEqual(readingOf({ a: mapState() }, { a: keys }), { kind: 'converted', fromVersion: 1, validates: false })
  })

  it('refuses a schema that is certain not to read what was stored, by state, operator and field', () => {
    assert.throws(() => check({ a: listState(Visit) }, { a: listState(Visit.extend({ site: z.string() })) }), {
      code: 'STATE_INCOMPATIBLE',
      message: /State "a" of operator "days" cannot read what was stored: value\.site is required and was not stored/,
    })
    assert.throws(() => check({ a: valueState(Visit) }, { a: valueState(Visit.extend({ at: z.string() })) }), {
      code: 'STATE_INCOMPATIBLE',
      message: /value\.at was number and is string/,
    })
    assert.throws(
      () => check({ a: mapState(z.string(), Visit) }, { a: mapState(z.number(), Visit) }),
      /key was string and is number/,
    )
  })

  it('lets the values tell where the schemas differ otherwise, or one is not known', () => {
    const validates = { kind: 'converted', fromVersion: undefined, validates: true }
    assert.deepEqual(readingOf({ a: valueState(Visit) }, { a: valueState(Visit.omit({ at: true })) }), validates)
    const withDefault = Visit.extend({ site: z.string().default('main') })
    assert.deepEqual(readingOf({ a: valueState(Visit) }, { a: valueState(withDefault) }), validates)
    assert.deepEqual(readingOf({ a: valueState() }, { a: valueState(Visit) }), validates)
    assert.deepEqual(readingOf({ a: valueState(z.date()) }, { a: valueState(z.date()) }), validates)
    assert.deepEqual(readingOf({ a: valueState(Visit) }, { a: valueState() }), { kind: 'as-is' })
  })

  it('refuses accumulators of another aggregate', () => {
    assert.throws(() => check({ a: aggregatingState(count()) }, { a: aggregatingState(sum((n: number) => n)) }), {
      code: 'STATE_INCOMPATIBLE',
      message: /the accumulators are of the aggregate count, the job has sum/,
    })
  })

  it('names every state that does not fit, and those that nobody reads', () => {
    assert.throws(
      () => check({ a: valueState(), b: valueState() }, { a: listState(), b: mapState() }),
      (error: Error) => /"a".*"b"/.test(error.message),
    )
    assert.deepEqual(check({ totals: valueState() }, { total: valueState() }), [
      { operator: 'days', state: 'totals', nearest: 'total' },
    ])
  })
})
