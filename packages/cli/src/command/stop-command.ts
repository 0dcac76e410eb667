/** `millrace stop`: ends a job with a savepoint. */
import { EXIT } from '../exit-code.ts'
import { runOperation } from '../operate/await-operation.ts'
import { chooseJobId } from '../operate/listed-job.ts'
import { folderForServer, OPERATE_OPTIONS, parseOperateLine } from '../operate/operate-line.ts'
import type { Command } from './command.ts'

const STOP_OPTIONS = {
  'savepoint-path': {
    type: 'string',
    short: 'p',
    value: 'folder',
    help: 'where the savepoint gets its folder; default execution.checkpointing.savepoint-dir of the job',
  },
  drain: { type: 'boolean', help: 'end the input first: all windows fire, and the job cannot go on as if it had not' },
  ...OPERATE_OPTIONS,
} as const

export const stopCommand: Command = {
  name: 'stop',
  summary: 'end a running job with a savepoint',
  usage: '[job id] [options]',
  options: STOP_OPTIONS,
  async run(argv, { stdout }) {
    const { values, client, address, jobId: given } = parseOperateLine('stop', STOP_OPTIONS, argv, 'job')
    const jobId = await chooseJobId('stop', client, given)
    const { location } = await runOperation(client, {
      what: 'The stop with a savepoint',
      trigger: `/jobs/${jobId}/stop`,
      status: `/jobs/${jobId}/savepoints`,
      body: {
        targetDirectory: folderForServer('stop', values['savepoint-path'] as string | undefined, address),
        drain: values.drain === true,
        formatType: 'CANONICAL',
      },
    })
    const text =
      values.json === true
        ? JSON.stringify({ kind: 'stop', job: jobId, savepoint: location })
        : `Job ${jobId} has stopped. Its savepoint: ${location}`
    stdout.write(`${text}\n`)
    return EXIT.finished
  },
}
