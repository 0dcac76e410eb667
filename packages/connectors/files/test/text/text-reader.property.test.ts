/**
 * The laws of the text reader for every format: records do not depend on chunks and batches, and a reader opened at any
 * position that was recorded between batches gives exactly the rest – plain and gzip, good input and bad.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { parseColumns } from '../../src/column/columns.ts'
import { CsvFormat } from '../../src/csv/csv-format.ts'
import { JsonLinesFormat } from '../../src/json/json-lines-format.ts'
import { LineFormat } from '../../src/text/line-format.ts'
import type { TextFormat } from '../../src/text/text-format.ts'
import { TextReader } from '../../src/text/text-reader.ts'
import type { TextPosition } from '../../src/text/text-source-options.ts'
import { MemoryFileSystem } from '../memory-file-system.ts'
import { drain } from '../read-source.ts'

const LINE_BYTES_MAX = 24
const columns = parseColumns('test', { a: 'string', b: { type: 'int', nullable: true } })

const formats: Record<string, () => TextFormat<unknown>> = {
  csv: () => new CsvFormat({ columns, delimiter: ',', quote: '"', header: false }),
  'csv with header': () => new CsvFormat({ columns, delimiter: ',', quote: '"', header: true }),
  'csv with skipped header': () => new CsvFormat({ columns, delimiter: ',', quote: '"', header: 'skip' }),
  'JSON lines': () => new JsonLinesFormat(undefined),
  text: () => new LineFormat(),
}

/** Pieces that, joined at random, make good lines, bad ones, and everything at the edges. */
const piece = fc.constantFrom(
  'x,1\n',
  '"x",2\n',
  '"a\nb",3\r\n',
  '"q""q",\n',
  'y,z\n',
  '\n',
  '\r\n',
  '"',
  ',',
  '5',
  '{"k":1}\n',
  '[1]\r\n',
  'é',
  '😀,7\n',
  'long '.repeat(8),
  '\xff',
  '\r',
  `"${'m\n'.repeat(9)}",1\n`,
  // Refused as wholes, and what is in their quotes looks like records.
  '"m\nx,1\nn",z\n',
  '"m\nx,1\nn"\r\n',
  `"${'x,1\n'.repeat(7)}",z\n`,
)
const content = fc
  .record({
    bom: fc.boolean(),
    head: fc.oneof({ arbitrary: fc.constant('b,a\n'), weight: 9 }, fc.constant(undefined)),
    pieces: fc.array(piece, { maxLength: 40 }),
  })
  .map(({ bom, head, pieces }) =>
    Buffer.concat([
      Buffer.from(bom ? '\ufeff' : ''),
      Buffer.from(head ?? ''),
      // Without a head the file is empty.
      ...(head === undefined ? [] : pieces).map((text) => (text === '\xff' ? Buffer.from([0xff]) : Buffer.from(text))),
    ]),
  )

async function open(
  disk: MemoryFileSystem,
  create: () => TextFormat<unknown>,
  chunkBytes: number,
  position?: TextPosition,
): Promise<TextReader<unknown>> {
  const file = await disk.openRead('in')
  return TextReader.open({
    file,
    format: create(),
    position,
    onError: 'deadLetter',
    lineBytesMax: LINE_BYTES_MAX,
    chunkBytes,
    count: () => {},
  })
}

for (const [name, create] of Object.entries(formats)) {
  for (const compress of [false, true]) {
    test(`${name}${compress ? ' in gzip' : ''}: chunks and batches change nothing, any position resumes exactly`, async () => {
      await fc.assert(
        fc.asyncProperty(
          content,
          fc.integer({ min: 1, max: 40 }),
          fc.integer({ min: 1, max: 7 }),
          async (bytes, chunk, max) => {
            const disk = new MemoryFileSystem()
            disk.put('in', compress ? gzipSync(bytes) : bytes)
            const whole = (await drain(await open(disk, create, 1 << 16), 1_000)).flatMap(({ batch }) => batch)
            const reader = await open(disk, create, chunk)
            const batches = await drain(reader, max)
            await reader.close()
            assert.deepEqual(
              batches.flatMap(({ batch }) => batch),
              whole,
            )
            let used = 0
            for (const { position, batch } of batches) {
              const resumed = await open(disk, create, 1 << 16, position)
              const rest = (await drain(resumed, 3)).flatMap((later) => later.batch)
              assert.deepEqual(rest, whole.slice(used))
              assert.deepEqual(resumed.position(), reader.position())
              used += batch.length
            }
            const ended = await open(disk, create, 1 << 16, reader.position())
            assert.deepEqual(
              (await drain(ended, 3)).flatMap(({ batch }) => batch),
              [],
            )
          },
        ),
        { numRuns: 60 },
      )
    })
  }
}

test('plain lines lose and add nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.stringMatching(/^[^\n\r\ufeff]*$/u), { maxLength: 20 }),
      fc.boolean(),
      async (lines, ends) => {
        const text = lines
          .map((line) => `${line}\n`)
          .join('')
          .slice(0, ends ? undefined : -1)
        // An empty file is refused.
        fc.pre(text !== '')
        const disk = new MemoryFileSystem()
        disk.put('in', text)
        const file = await disk.openRead('in')
        const reader = await TextReader.open({
          file,
          format: new LineFormat(),
          position: undefined,
          onError: 'fail',
          lineBytesMax: 1_000,
          chunkBytes: 7,
          count: () => {},
        })
        const read = (await drain(reader, 5)).flatMap(({ batch }) => batch)
        // Without its line break, an empty last line is none.
        const expected = !ends && lines.at(-1) === '' ? lines.slice(0, -1) : lines
        assert.deepEqual(read, expected)
      },
    ),
  )
})
