import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { MillraceError } from '@millrace/api'
import { parquetWriteBuffer } from 'hyparquet-writer'
import type { Columns } from '../../src/column/columns.ts'
import { parquetFiles } from '../../src/parquet/parquet-files.ts'
import { diskFileSystem } from '../disk-file-system.ts'
import { MemoryFileSystem } from '../memory-file-system.ts'
import { drain, readAll, readerContext } from '../read-source.ts'

type Write = Parameters<typeof parquetWriteBuffer>[0]

function diskWith(write: Write): MemoryFileSystem {
  const disk = new MemoryFileSystem()
  disk.put('in.parquet', new Uint8Array(parquetWriteBuffer(write)))
  return disk
}

async function read<const C extends Columns>(columns: C, write: Write) {
  return readAll(parquetFiles('in.parquet', { columns }), diskWith(write))
}

const AT = new Date('2001-01-01T00:01:00Z')

test('reads columns as their declared types', async () => {
  const columns = {
    small: 'int',
    large: 'int',
    exact: 'bigint',
    score: 'float',
    name: 'string',
    ok: 'boolean',
    at: 'timestamp',
    maybe: { type: 'int', nullable: true },
  } as const
  const records = await read(columns, {
    columnData: [
      { name: 'unused', data: ['a', 'b'], type: 'STRING' },
      { name: 'small', data: [1, -2], type: 'INT32' },
      { name: 'large', data: [2n ** 40n, -5n], type: 'INT64' },
      { name: 'exact', data: [2n ** 60n, -1n], type: 'INT64' },
      { name: 'score', data: [0.5, Number.NaN], type: 'DOUBLE' },
      { name: 'name', data: ['LAS', 'é'], type: 'STRING' },
      { name: 'ok', data: [true, false], type: 'BOOLEAN' },
      { name: 'at', data: [AT, new Date(-1)], type: 'TIMESTAMP' },
      { name: 'maybe', data: [null, 7n], type: 'INT64', nullable: true },
    ],
  })
  assert.deepEqual(records, [
    { small: 1, large: 2 ** 40, exact: 2n ** 60n, score: 0.5, name: 'LAS', ok: true, at: AT.getTime(), maybe: null },
    { small: -2, large: -5, exact: -1n, score: Number.NaN, name: 'é', ok: false, at: -1, maybe: 7 },
  ])
})

test('timestamps of any unit become milliseconds, rounded down', async () => {
  const micros = [978307260000001n, -1n]
  const records = await read(
    { at: 'timestamp' },
    {
      columnData: [{ name: 'at', data: micros }],
      schema: [
        { name: 'root', num_children: 1 },
        { name: 'at', type: 'INT64', converted_type: 'TIMESTAMP_MICROS', repetition_type: 'REQUIRED' },
      ],
    },
  )
  assert.deepEqual(records, [{ at: 978307260000 }, { at: -1 }])
})

test('dates become milliseconds', async () => {
  const schema = [
    { name: 'root', num_children: 1 },
    { name: 'on', type: 'INT32' as const, converted_type: 'DATE' as const, repetition_type: 'REQUIRED' as const },
  ]
  const records = await read(
    { on: 'timestamp' },
    { columnData: [{ name: 'on', data: [new Date('2001-01-02')] }], schema },
  )
  assert.deepEqual(records, [{ on: Date.UTC(2001, 0, 2) }])
})

const numbers = Array.from({ length: 1_000 }, (_, i) => BigInt(i % 7 === 0 ? i : i * 1_000_003))
for (const codec of ['UNCOMPRESSED', 'SNAPPY'] as const) {
  test(`resumes at any row of any row group (${codec})`, async () => {
    const disk = diskWith({
      columnData: [
        { name: 'n', data: numbers, type: 'INT64' },
        { name: 't', data: numbers.map((n) => `row ${n % 10n}`), type: 'STRING' },
      ],
      rowGroupSize: [100, 1, 400],
      codec,
    })
    const source = parquetFiles('in.parquet', { columns: { n: 'int', t: 'string' } })
    const [split] = await source.enumerate({ files: disk, parallelism: 1 })
    assert(split)
    const whole = await readAll(source, disk)
    assert.deepEqual(
      whole,
      numbers.map((n) => ({ n: Number(n), t: `row ${n % 10n}` })),
    )
    const reader = await source.open(split, undefined, readerContext(disk))
    const batches = await drain(reader, 37)
    assert.equal(reader.progress?.(), split.size?.amount)
    let used = 0
    for (const { position, batch } of batches) {
      const resumed = await source.open(split, position, readerContext(disk))
      assert.deepEqual(
        (await drain(resumed, 500)).flatMap((later) => later.batch),
        whole.slice(used),
      )
      await resumed.close()
      used += batch.length
    }
    await reader.close()
    assert.equal(disk.openReads, 0)
    await assert.rejects(source.open(split, { row: 1_001 }, readerContext(disk)), { code: 'INPUT_CHANGED' })
  })
}

test('a file without rows gives none', async () => {
  assert.deepEqual(await read({ n: 'int' }, { columnData: [{ name: 'n', data: [], type: 'INT64' }] }), [])
})

const int64 = (data: bigint[]): Write => ({ columnData: [{ name: 'n', data, type: 'INT64' }] })
const refused: [string, Columns, Write, RegExp][] = [
  ['an INT64 that no number holds', { n: 'int' }, int64([1n, 2n ** 53n]), /"n" holds 9007199254740992/],
  [
    'a null where none is declared',
    { n: 'int' },
    { columnData: [{ name: 'n', data: [1, null], type: 'INT32', nullable: true }] },
    /"n" is null in row 1/,
  ],
  ['a column that is not there', { m: 'int' }, int64([1n]), /no column "m"; it has n/],
  ['an INT64 as float', { n: 'float' }, int64([1n]), /"n" is INT64, which does not fit "float"/],
  ['an INT64 as timestamp', { n: 'timestamp' }, int64([1n]), /does not fit/],
  ['a text as int', { n: 'int' }, { columnData: [{ name: 'n', data: ['1'], type: 'STRING' }] }, /does not fit/],
  ['JSON as string', { n: 'string' }, { columnData: [{ name: 'n', data: [{}], type: 'JSON' }] }, /does not fit/],
]
for (const [name, columns, write, message] of refused) {
  test(`refuses ${name}`, async () => {
    await assert.rejects(read(columns, write), (error) => {
      assert(error instanceof MillraceError, String(error))
      assert.equal(error.code, 'INPUT_MALFORMED')
      assert.match(error.message, message)
      assert.match(error.message, /in\.parquet/)
      return true
    })
  })
}

const whole = new Uint8Array(parquetWriteBuffer(int64(numbers)))
const damaged = whole.slice()
damaged.fill(0xee, 10, 60)
const badFooter = whole.slice()
badFooter.fill(0xff, whole.length - 60, whole.length - 20)
const files: [string, Uint8Array, string][] = [
  ['an empty file', new Uint8Array(0), 'INPUT_MALFORMED'],
  ['a text file', Buffer.from('a,b,c\n1,2,3\n'), 'INPUT_MALFORMED'],
  ['a file that is cut off', whole.subarray(0, whole.length - 5), 'INPUT_TRUNCATED'],
  ['a file that is hardly begun', whole.subarray(0, 4), 'INPUT_TRUNCATED'],
  ['damaged pages', damaged, 'INPUT_MALFORMED'],
  ['a damaged footer', badFooter, 'INPUT_MALFORMED'],
]
for (const [name, bytes, code] of files) {
  test(`refuses ${name}`, async () => {
    const disk = new MemoryFileSystem()
    disk.put('in.parquet', bytes)
    await assert.rejects(readAll(parquetFiles('in.parquet', { columns: { n: 'int' } }), disk), {
      code,
      message: /in\.parquet/,
    })
    assert.equal(disk.openReads, 0)
  })
}

test('text that is not UTF-8 is refused', async () => {
  const bytes = [new Uint8Array([0x61]), new Uint8Array([0xff])]
  await assert.rejects(read({ t: 'string' }, { columnData: [{ name: 't', data: bytes, type: 'BYTE_ARRAY' }] }), {
    code: 'INPUT_NOT_UTF8',
    message: /"t"/,
  })
})

test('reads the flights of vega-datasets', async () => {
  const path = fileURLToPath(new URL('../data/flights-3m.parquet', import.meta.resolve('vega-datasets')))
  const source = parquetFiles(path, { columns: { date: 'timestamp', delay: 'int', origin: 'string' } })
  const [split] = await source.enumerate({ files: diskFileSystem, parallelism: 1 })
  assert(split)
  const start = await source.open(split, undefined, readerContext(diskFileSystem))
  assert.deepEqual((await start.next(1)).records, [{ date: AT.getTime(), delay: 33, origin: 'LAS' }])
  await start.close()
  const end = await source.open(split, { row: 2_999_990 }, readerContext(diskFileSystem))
  assert.equal((await drain(end, 4)).flatMap(({ batch }) => batch).length, 10)
  await end.close()
})

test('options that make no sense are refused', () => {
  assert.throws(() => parquetFiles('in', { columns: { a: { type: 'int', index: 1 } } }), { code: 'OPTION_INVALID' })
  assert.throws(() => parquetFiles('in', { columns: { a: 'int' }, onError: 'skip' } as never), {
    code: 'OPTION_UNKNOWN',
  })
  assert.throws(() => parquetFiles([], { columns: { a: 'int' } }), { code: 'OPTION_INVALID' })
})
