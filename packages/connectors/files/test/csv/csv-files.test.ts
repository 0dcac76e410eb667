import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { MillraceError, RejectedInput } from '@millrace/api'
import type { Columns } from '../../src/column/columns.ts'
import { type CsvFilesOptions, csvFiles } from '../../src/csv/csv-files.ts'
import { MemoryFileSystem } from '../memory-file-system.ts'
import { readAll } from '../read-source.ts'

function diskWith(content: string | Uint8Array, path = 'in.csv'): MemoryFileSystem {
  const disk = new MemoryFileSystem()
  disk.put(path, content)
  return disk
}

async function read<const C extends Columns>(content: string | Uint8Array, options: CsvFilesOptions<C>) {
  return readAll(csvFiles('in.csv', options), diskWith(content))
}

test('gives records of the declared type', async () => {
  const columns = {
    user: 'int',
    name: 'string',
    score: 'float',
    big: 'bigint',
    ok: 'boolean',
    at: 'timestamp',
  } as const
  assert.deepEqual(await read('7,ann,1.5,12345678901234567890,true,2013-01-01 00:00:01\n', { columns }), [
    { user: 7, name: 'ann', score: 1.5, big: 12345678901234567890n, ok: true, at: Date.UTC(2013, 0, 1, 0, 0, 1) },
  ])
})

const readings: [string, string | Uint8Array, CsvFilesOptions<Columns>, unknown[]][] = [
  ['a header and nothing else', 'a\n', { columns: { a: 'int' }, header: true }, []],
  ['a last line without line break', '1\n2', { columns: { a: 'int' } }, [{ a: 1 }, { a: 2 }]],
  ['an empty last field at the end', '1,', { columns: { a: 'int', b: 'string' } }, [{ a: 1, b: '' }]],
  [
    'CRLF',
    'x,1\r\ny,2\r\n',
    { columns: { a: 'string', b: 'int' } },
    [
      { a: 'x', b: 1 },
      { a: 'y', b: 2 },
    ],
  ],
  [
    'CRLF after quotes',
    '"x","1"\r\n"y",2',
    { columns: { a: 'string', b: 'int' } },
    [
      { a: 'x', b: 1 },
      { a: 'y', b: 2 },
    ],
  ],
  ['a byte order mark', '\ufeffa\n1\n', { columns: { a: 'int' }, header: true }, [{ a: 1 }]],
  [
    'quoted delimiters, breaks, quotes',
    '"a,b\n""c""",1\n',
    { columns: { t: 'string', n: 'int' } },
    [{ t: 'a,b\n"c"', n: 1 }],
  ],
  ['columns by name', 'x,y,z\n1,2,3\n', { columns: { z: 'int', x: 'int' }, header: true }, [{ z: 3, x: 1 }]],
  [
    'quoted names',
    '"x ""1""","y\nz"\r\n1,2\n',
    { columns: { 'y\nz': 'int', 'x "1"': 'int' }, header: true },
    [{ 'y\nz': 2, 'x "1"': 1 }],
  ],
  ['columns by position', '1,2,3\n', { columns: { a: 'int', b: 'int' } }, [{ a: 1, b: 2 }]],
  ['columns by index', '1,2,3\n', { columns: { a: { type: 'int', index: 2 } } }, [{ a: 3 }]],
  ['a skipped header', 'x,y\n1,2\n', { columns: { a: 'int' }, header: 'skip' }, [{ a: 1 }]],
  [
    'null and the empty text',
    ',""\n',
    { columns: { a: { type: 'string', nullable: true }, b: { type: 'string', nullable: true } } },
    [{ a: null, b: '' }],
  ],
  [
    'a blank line of one nullable column',
    '1\n\n2\n',
    { columns: { a: { type: 'int', nullable: true } } },
    [{ a: 1 }, { a: null }, { a: 2 }],
  ],
  [
    'another delimiter and quote',
    "'a|b'|2\n",
    { columns: { a: 'string', b: 'int' }, delimiter: '|', quote: "'" },
    [{ a: 'a|b', b: 2 }],
  ],
  [
    'tabs without quoting',
    '"a\t2\n',
    { columns: { a: 'string', b: 'int' }, delimiter: '\t', quote: false },
    [{ a: '"a', b: 2 }],
  ],
  [
    'text beyond ASCII',
    'é,日本,😀\n',
    { columns: { a: 'string', b: 'string', c: 'string' } },
    [{ a: 'é', b: '日本', c: '😀' }],
  ],
  [
    'a property named __proto__',
    '1\n',
    { columns: JSON.parse('{"__proto__":"int"}') },
    [JSON.parse('{"__proto__":1}')],
  ],
  ['gzip by content', gzipSync('1\n2\n'), { columns: { a: 'int' } }, [{ a: 1 }, { a: 2 }]],
  [
    'several gzip members',
    Buffer.concat([gzipSync('1\n2'), gzipSync(''), gzipSync('3\n')]),
    { columns: { a: 'int' } },
    [{ a: 1 }, { a: 23 }],
  ],
  [
    'gzip with zero padding',
    Buffer.concat([gzipSync('1\n'), Buffer.alloc(512)]),
    { columns: { a: 'int' } },
    [{ a: 1 }],
  ],
]
for (const [name, content, options, expected] of readings) {
  test(`reads ${name}`, async () => assert.deepEqual(await read(content, options), expected))
}

const values: [Columns[string], string, unknown][] = [
  ['int', '0', 0],
  ['int', '-0', 0],
  ['int', '+12', 12],
  ['int', '-9007199254740991', -9007199254740991],
  ['int', '000000000000000000012', 12],
  ['bigint', '-00012345678901234567890', -12345678901234567890n],
  ['bigint', '+1', 1n],
  ['float', '0.1', 0.1],
  ['float', '-73.866135', -73.866135],
  ['float', '.5', 0.5],
  ['float', '5.', 5],
  ['float', '-0', -0],
  ['float', '1e-7', 1e-7],
  ['float', '123456789012345678901234567890', Number('123456789012345678901234567890')],
  ['float', '0.1234567890123456789', Number('0.1234567890123456789')],
  ['float', '123456789.123456', 123456789.123456],
  ['float', 'NaN', Number.NaN],
  ['float', '-Infinity', Number.NEGATIVE_INFINITY],
  ['boolean', 'TRUE', true],
  ['boolean', 'false', false],
  ['timestamp', '2024-02-29', Date.UTC(2024, 1, 29)],
  ['timestamp', '1969-12-31T23:59:59.999Z', -1],
  ['timestamp', '2013-01-01 00:15', Date.UTC(2013, 0, 1, 0, 15)],
  ['timestamp', '2013-01-01T00:15:00+02:00', Date.UTC(2012, 11, 31, 22, 15)],
  ['timestamp', '2013-01-01T00:15:00.123456-0130', Date.UTC(2013, 0, 1, 1, 45, 0, 123)],
  ['timestamp', '0001-01-01T00:00:00Z', Date.parse('0001-01-01T00:00:00Z')],
]
for (const [type, text, expected] of values) {
  test(`reads "${text}" as ${String(type)}`, async () => {
    assert.deepEqual(await read(`${text}\n`, { columns: { v: type } }), [{ v: expected }])
  })
}

const numbers: CsvFilesOptions<Columns> = { columns: { n: 'int', t: 'string' } }
const bad: [string, string | Uint8Array, CsvFilesOptions<Columns>, string, number, number][] = [
  ['a number that is none', '1,a\n2x,b\n', numbers, 'INPUT_MALFORMED', 2, 1],
  ['an empty number', '1,a\n,b\n', numbers, 'INPUT_MALFORMED', 2, 1],
  ['an unsafe number', '9007199254740992,a\n', numbers, 'INPUT_MALFORMED', 1, 1],
  ['a number with a space', 'a, 1\n', { columns: { t: 'string', n: 'int' } }, 'INPUT_MALFORMED', 1, 3],
  ['a hexadecimal float', 'a,0x1f\n', { columns: { t: 'string', n: 'float' } }, 'INPUT_MALFORMED', 1, 3],
  ['a lone sign', '-\n', { columns: { n: 'int' } }, 'INPUT_MALFORMED', 1, 1],
  ['a fraction as int', '1.5\n', { columns: { n: 'int' } }, 'INPUT_MALFORMED', 1, 1],
  ['a fraction as bigint', '1.5\n', { columns: { n: 'bigint' } }, 'INPUT_MALFORMED', 1, 1],
  ['a truth that is none', 'yes\n', { columns: { n: 'boolean' } }, 'INPUT_MALFORMED', 1, 1],
  ['a 30th of February', '2024-02-30\n', { columns: { n: 'timestamp' } }, 'INPUT_MALFORMED', 1, 1],
  ['a time without minutes', '2024-02-20T10\n', { columns: { n: 'timestamp' } }, 'INPUT_MALFORMED', 1, 1],
  ['a fraction without digits', '2024-02-20T10:00:00.Z\n', { columns: { n: 'timestamp' } }, 'INPUT_MALFORMED', 1, 1],
  ['too few fields', '1,a\n2\n', numbers, 'INPUT_MALFORMED', 2, 2],
  ['an empty file', '', numbers, 'INPUT_MALFORMED', 1, 1],
  ['an empty file with a header asked for', '', { ...numbers, header: true }, 'INPUT_MALFORMED', 1, 1],
  ['a byte order mark and nothing else', '\ufeff', numbers, 'INPUT_MALFORMED', 1, 1],
  ['a gzip file of nothing', gzipSync(''), numbers, 'INPUT_MALFORMED', 1, 1],
  ['a blank line', '1,a\n\n', numbers, 'INPUT_MALFORMED', 2, 1],
  ['more fields than the header', 'n,t\n1,a,x\n', { ...numbers, header: true }, 'INPUT_MALFORMED', 2, 6],
  ['a missing name', 'n,x\n1,a\n', { ...numbers, header: true }, 'INPUT_MALFORMED', 1, 1],
  ['a doubled name', 'n,t,n\n1,a,1\n', { ...numbers, header: true }, 'INPUT_MALFORMED', 1, 1],
  ['an open quote', '1,"a\nb\n', numbers, 'INPUT_MALFORMED', 1, 3],
  ['a quote inside a field', '1,a"b\n', numbers, 'INPUT_MALFORMED', 1, 4],
  ['text after a quoted field', '1,"a"b\n', numbers, 'INPUT_MALFORMED', 1, 6],
  ['a failure behind a quoted break', '"a\nb",x\n', { columns: { t: 'string', n: 'int' } }, 'INPUT_MALFORMED', 2, 4],
  ['invalid UTF-8', Buffer.from([0x31, 0x2c, 0xc3, 0xa9, 0xff, 0x0a]), numbers, 'INPUT_NOT_UTF8', 1, 4],
  ['a cut-off UTF-8 sequence', Buffer.from([0x31, 0x2c, 0x61, 0xe2, 0x82]), numbers, 'INPUT_NOT_UTF8', 1, 4],
  ['UTF-16', Buffer.from('\ufeff1,a\n', 'utf16le'), numbers, 'INPUT_NOT_UTF8', 1, 1],
  ['an oversized line', `1,${'a'.repeat(20)}\n`, { ...numbers, lineBytesMax: '10 b' }, 'INPUT_MALFORMED', 1, 11],
  [
    'an oversized last line',
    `1,a\n2,${'a'.repeat(20)}`,
    { ...numbers, lineBytesMax: '10 b' },
    'INPUT_MALFORMED',
    2,
    11,
  ],
  ['gzip cut off', gzipSync('1,a\n2,b\n').subarray(0, 18), numbers, 'INPUT_TRUNCATED', 2, 4],
  ['gzip cut off in its header', gzipSync('1,a\n').subarray(0, 5), numbers, 'INPUT_TRUNCATED', 1, 1],
  ['damaged gzip', Buffer.concat([gzipSync('1,a\n2'), Buffer.from('junk')]), numbers, 'INPUT_MALFORMED', 1, 1],
]
for (const [name, content, options, code, line, column] of bad) {
  test(`refuses ${name}, naming file, line and column`, async () => {
    await assert.rejects(read(content, options), (error) => {
      assert(error instanceof MillraceError, String(error))
      assert.equal(error.code, code, error.message)
      const { details } = error
      assert.deepEqual([details.file, details.line, details.column], ['in.csv', line, column], error.message)
      assert.match(error.message, /in\.csv/)
      return true
    })
  })
}

for (const content of ['a,1\n', 'n,t,n\n1,a,1\n']) {
  for (const onError of ['fail', 'skip', 'deadLetter'] as const) {
    test(`a header that does not fit fails, with ${onError} too, and does not offer that: ${JSON.stringify(content)}`, async () => {
      await assert.rejects(read(content, { ...numbers, header: true, onError }), (error) => {
        assert(error instanceof MillraceError)
        assert.equal(error.code, 'INPUT_MALFORMED')
        assert.match(error.hint ?? '', /header/)
        assert.doesNotMatch(error.hint ?? '', /choose onError/)
        return true
      })
    })
  }
}

test('records before a bad line are handed over before the failure', async () => {
  const disk = diskWith('1,a\n2,b\nx,c\n')
  const source = csvFiles('in.csv', numbers)
  const [split] = await source.enumerate({ files: disk, parallelism: 1 })
  assert(split)
  const reader = await source.open(split, undefined, {
    files: disk,
    now: () => 0,
    delay: async () => {},
    count: () => {},
  })
  const { records } = await reader.next(100)
  assert.equal(records.length, 2)
  assert.deepEqual(reader.position(), { offset: 8, line: 3 })
  await assert.rejects(async () => reader.next(100), { code: 'INPUT_MALFORMED' })
  await reader.close()
  assert.equal(disk.openReads, 0)
})

test('onError skip counts what it passes over', async () => {
  const counts = new Map<string, number>()
  const content = Buffer.concat([
    Buffer.from(`1,a\nx,b\n3,"c\n4,${'d'.repeat(50)}\n5,`),
    Buffer.from([0xff]),
    Buffer.from('\n6,e\n'),
  ])
  const source = csvFiles('in.csv', { columns: { n: 'int', t: 'string' }, onError: 'skip', lineBytesMax: '20 b' })
  const records = await readAll(source, diskWith(content), counts)
  assert.deepEqual(records, [
    { n: 1, t: 'a' },
    { n: 6, t: 'e' },
  ])
  assert.equal(counts.get('numRecordsSkipped'), 4)
})

const quotedLines: [string, string, unknown[]][] = [
  ['a field that does not fit', '"m\n1,x\nn",y\n', ['"m\n1,x\nn",y']],
  ['a last field that does not fit', '1,"x\n2,y",\n"3\n4,z",x', ['"3\n4,z",x']],
  ['too few fields', '"m\n1,x\nn"\r\n', ['"m\n1,x\nn"']],
  ['bytes that are not UTF-8', '"m\n1,x\n\xff",x\n', ['"m\n1,x\n\ufffd",x']],
  ['a quote in a quoted field', '"m\n1,x\n"n,y\n', ['"m', '"n,y']],
  ['a quote that is not closed', '"m\n1,x\n', ['"m']],
  ['more than the longest record', `"m\n${'1,x\n'.repeat(8)}n",y\n`, ['"m', 'n",y']],
]
for (const [name, bad, letters] of quotedLines) {
  test(`a record with lines in quotes is refused: ${name}`, async () => {
    const content = Buffer.from(`7,before\n${bad}${bad.endsWith('\n') ? '' : '\n'}8,after\n`, 'latin1')
    const columns = { n: 'int', t: 'string' } as const
    const source = csvFiles('in.csv', { columns, onError: 'deadLetter', lineBytesMax: '24 b' })
    const records = await readAll(source, diskWith(content))
    const rejected = records.filter((record) => record instanceof RejectedInput)
    assert.deepEqual(
      rejected.map(({ letter }) => letter.raw),
      letters,
    )
    // Where the quotes fit, no line within them is a record; where they do not, only the first line is certain.
    assert.deepEqual(records.at(0), { n: 7, t: 'before' })
    assert.deepEqual(records.at(-1), { n: 8, t: 'after' })
    const skipping = csvFiles('in.csv', { columns, onError: 'skip', lineBytesMax: '24 b' })
    assert.deepEqual(
      await readAll(skipping, diskWith(content)),
      records.filter((record) => !(record instanceof RejectedInput)),
    )
  })
}

test('onError deadLetter gives the raw line with its position', async () => {
  const content = Buffer.concat([
    Buffer.from('1,a\nx,b\r\n'),
    gzipSync('').subarray(0, 0),
    Buffer.from([0x35, 0x2c, 0xff, 0x0a]),
  ])
  const source = csvFiles('in.csv', { columns: { n: 'int', t: 'string' }, onError: 'deadLetter' })
  assert.deepEqual(source.sideOutputs, ['deadLetter'])
  const records = await readAll(source, diskWith(content))
  assert.deepEqual(
    records.slice(1).map((rejected) => (rejected as RejectedInput).letter),
    [
      {
        raw: 'x,b',
        file: 'in.csv',
        line: 2,
        column: 1,
        reason: '"x" in column "n" is not a whole number that a number holds exactly',
      },
      { raw: '5,\ufffd', file: 'in.csv', line: 3, column: 3, reason: 'a byte that is not valid UTF-8' },
    ],
  )
})

test('a gzip file that is cut off gives its whole lines and one dead letter for the rest', async () => {
  const lines = Array.from({ length: 2_000 }, (_, i) => `${i},${Math.sin(i)}\n`).join('')
  const whole = gzipSync(lines)
  const source = csvFiles('in.csv', { columns: { n: 'int', t: 'string' }, onError: 'deadLetter' })
  const records = await readAll(source, diskWith(whole.subarray(0, whole.length - 500)))
  const letter = records.at(-1)
  assert(letter instanceof RejectedInput)
  assert.match(letter.letter.reason, /cut off/)
  assert.equal(letter.letter.line, records.length)
  assert.deepEqual(records[0], { n: 0, t: '0' })
  assert(records.length > 1_000)
})

test('options that make no sense are refused when the source is made', () => {
  const options: [unknown, string][] = [
    [{ columns: {} }, 'OPTION_INVALID'],
    [{}, 'OPTION_INVALID'],
    [{ columns: { a: 'integer' } }, 'OPTION_INVALID'],
    [{ columns: { a: { type: 'int', nulable: true } } }, 'OPTION_UNKNOWN'],
    [{ columns: { a: 'int' }, delimeter: ';' }, 'OPTION_UNKNOWN'],
    [{ columns: { a: 'int' }, delimiter: '||' }, 'OPTION_INVALID'],
    [{ columns: { a: 'int' }, delimiter: '"' }, 'OPTION_INVALID'],
    [{ columns: { a: 'int' }, header: 'yes' }, 'OPTION_INVALID'],
    [{ columns: { a: 'int' }, onError: 'ignore' }, 'OPTION_INVALID'],
    [{ columns: { a: 'int' }, lineBytesMax: '1 tb' }, 'OPTION_INVALID'],
    [{ columns: { a: 'int' }, lineBytesMax: 'much' }, 'SIZE_INVALID'],
    [{ columns: { a: 'int', b: { type: 'int', index: 0 } } }, 'OPTION_INVALID'],
  ]
  for (const [value, code] of options) {
    assert.throws(() => csvFiles('in.csv', value as CsvFilesOptions<Columns>), { code }, JSON.stringify(value))
  }
})
