/**
 * npm run bench:all -- [--minutes N] [--json FILE] [--rounds N]: the whole measurement, unattended, as much of it as the time allows.
 * Run again with the same file it goes on where it was.
 */
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { nodeCommand } from '../measured-process.ts'
import { aboutThisMachine } from '../run-lines.ts'
import { STEPS } from './plan.ts'
import { runSteps } from './run-steps.ts'
import { StepFile } from './step-file.ts'

const FILE = fileURLToPath(new URL('../../.millrace/bench.jsonl', import.meta.url))

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '90' },
    json: { type: 'string', default: FILE },
    rounds: { type: 'string', default: '3' },
  },
})
const [minutes, rounds] = [Number(values.minutes), Number(values.rounds)]
if (!(minutes > 0 && Number.isInteger(rounds) && rounds > 0)) {
  console.error('usage: npm run bench:all -- [--minutes 90] [--json FILE] [--rounds 3]')
  process.exit(2)
}
const file = new StepFile(values.json)
const { commit } = aboutThisMachine(new Date())
const begun = file.commit()
if (begun !== undefined && begun !== commit) {
  console.error(`${values.json} was begun with commit ${begun}, this is ${commit}: name another file with --json`)
  process.exit(2)
}
const isFine = await runSteps({
  steps: STEPS,
  file,
  minutes,
  rounds,
  commandOf: ({ args }, path) => nodeCommand('./main.ts', [...args, '--rounds', `${rounds}`, '--json', path]),
  say: (text) => console.log(text),
})
console.log(`Into the page: npm run bench:report -- ${values.json}`)
process.exitCode = isFine ? 0 : 1
