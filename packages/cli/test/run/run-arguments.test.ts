import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MillraceError } from '@millrace/api'
import { parseRunArguments, type RunArguments } from '../../src/run/run-arguments.ts'

const DEFAULTS: RunArguments = {
  jobFile: 'job.ts',
  parallelism: undefined,
  configuration: {},
  restore: { kind: 'none' },
  stopAfter: undefined,
  json: false,
  params: [],
}
const plain = { discardNewer: false, allowNonRestoredState: false }

const read: { argv: string; result: Partial<RunArguments> }[] = [
  { argv: 'job.ts', result: {} },
  { argv: 'job.ts -p 4', result: { parallelism: 4 } },
  { argv: '-p4 job.ts', result: { parallelism: 4 } },
  { argv: 'job.ts --parallelism=4', result: { parallelism: 4 } },
  { argv: 'job.ts -D a.b=c -Dd=e=f -D a.b=g', result: { configuration: { 'a.b': 'g', d: 'e=f' } } },
  { argv: 'job.ts -s chk-3', result: { restore: { kind: 'path', path: 'chk-3', ...plain } } },
  { argv: 'job.ts --resume', result: { restore: { kind: 'latest', ...plain } } },
  { argv: 'job.ts --resume-from newest', result: { restore: { kind: 'latest', ...plain } } },
  {
    argv: 'job.ts --resume-from newest-whole --allow-non-restored-state',
    result: { restore: { kind: 'newest-whole', discardNewer: true, allowNonRestoredState: true } },
  },
  {
    argv: 'job.ts --resume --discard-newer --allow-non-restored-state',
    result: { restore: { kind: 'latest', discardNewer: true, allowNonRestoredState: true } },
  },
  {
    argv: 'job.ts -s sp --claim-mode CLAIM',
    result: {
      restore: { kind: 'path', path: 'sp', discardNewer: false, allowNonRestoredState: false },
      configuration: { 'execution.state-recovery.claim-mode': 'CLAIM' },
    },
  },
  {
    argv: 'job.ts -D execution.state-recovery.path=sp --discard-newer',
    result: {
      restore: { kind: 'path', path: 'sp', discardNewer: true, allowNonRestoredState: false },
      configuration: { 'execution.state-recovery.path': 'sp' },
    },
  },
  {
    argv: 'job.ts -D execution.state-recovery.path=sp --resume',
    result: { restore: { kind: 'latest', ...plain }, configuration: { 'execution.state-recovery.path': 'sp' } },
  },
  {
    argv: 'job.ts --stop-after-checkpoint 2 --savepoint sp',
    result: { stopAfter: { checkpoints: 2, savepointFolder: 'sp' } },
  },
  { argv: 'job.ts --json -- --json --input a', result: { json: true, params: ['--json', '--input', 'a'] } },
  { argv: 'job.ts -- -- x', result: { params: ['--', 'x'] } },
]

for (const { argv, result } of read) {
  test(`run ${argv}`, () => assert.deepEqual(parseRunArguments(argv.split(' ')), { ...DEFAULTS, ...result }))
}

const refused: { argv: string; message: RegExp; hint?: RegExp }[] = [
  { argv: '-p 4', message: /job file is missing/ },
  { argv: 'job.ts more.ts', message: /one job file too many: more\.ts/, hint: /after "--"/ },
  { argv: 'job.ts -p 0', message: /-p 0 is no whole number from 1 to 32768/ },
  { argv: 'job.ts -p 1.5', message: /-p 1\.5/ },
  { argv: 'job.ts -p', message: /-p/ },
  { argv: 'job.ts -D x', message: /-D x is not written key=value/ },
  { argv: 'job.ts -D =x', message: /-D =x/ },
  { argv: 'job.ts --resume -s a', message: /both say/ },
  { argv: 'job.ts --resume --resume-from newest-whole', message: /--resume and --resume-from both say/ },
  { argv: 'job.ts --resume-from oldest', message: /--resume-from oldest: there is newest and newest-whole/ },
  { argv: 'job.ts --claim-mode CLAIM', message: /nothing is named/, hint: /-s <path>/ },
  { argv: 'job.ts --discard-newer', message: /about a restore/, hint: /--resume/ },
  { argv: 'job.ts --stop-after-checkpoint 2', message: /together/ },
  { argv: 'job.ts --savepoint sp', message: /together/ },
  { argv: 'job.ts --stop-after-checkpoint 0 --savepoint sp', message: /0 is no positive whole number/ },
  { argv: 'job.ts --resum', message: /no option --resum/, hint: /Did you mean --resume\?/ },
  { argv: 'job.ts --input a.csv', message: /no option --input/ },
  { argv: 'job.ts --json=yes', message: /--json/ },
]

for (const { argv, message, hint } of refused) {
  test(`refused: run ${argv}`, () => {
    assert.throws(
      () => parseRunArguments(argv.split(' ')),
      (error) =>
        error instanceof MillraceError &&
        error.code === 'USAGE' &&
        message.test(error.message) &&
        (hint === undefined || hint.test(error.hint ?? '')),
    )
  })
}
