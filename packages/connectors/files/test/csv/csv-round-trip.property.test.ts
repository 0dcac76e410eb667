import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CsvEncoder } from '../../src/csv/csv-encoder.ts'
import { csvFiles } from '../../src/csv/csv-files.ts'
import { MemoryFileSystem } from '../memory-file-system.ts'
import { readAll } from '../read-source.ts'

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.stringMatching(/^[",;\r\n\ufeff a]*$/))
const record = fc.record({
  text,
  maybe: fc.option(text),
  int: fc.maxSafeInteger(),
  float: fc.double(),
  big: fc.bigInt(),
  flag: fc.boolean(),
  at: fc.date({ noInvalidDate: true, min: new Date('0000-01-01'), max: new Date('9999-12-31') }),
  number: fc.option(fc.integer()),
})

test('what the CSV sink writes, the CSV source reads', async () => {
  await fc.assert(
    fc.asyncProperty(
      // Without records and header the file is empty, which is refused.
      fc.array(record, { minLength: 1 }),
      fc.constantFrom(',', ';', '\t', '|', ']', '^', '-', '.', '1', 'e', ' ', '\\'),
      fc.boolean(),
      async (records, delimiter, header) => {
        const encoder = new CsvEncoder({ columns: Object.keys(columns), delimiter, header }, undefined)
        const lines = records.map((value) => encoder.encode(value))
        const disk = new MemoryFileSystem()
        disk.put('in.csv', encoder.header() + lines.join(''))
        // With some delimiters numbers and dates are quoted.
        const read = await readAll(csvFiles('in.csv', { columns, delimiter, header }), disk)
        assert.deepEqual(
          read,
          records.map((value) => ({ ...value, at: value.at.getTime() })),
        )
      },
    ),
  )
})

const columns = {
  text: 'string',
  maybe: { type: 'string', nullable: true },
  int: 'int',
  float: 'float',
  big: 'bigint',
  flag: 'boolean',
  at: 'timestamp',
  number: { type: 'int', nullable: true },
} as const
