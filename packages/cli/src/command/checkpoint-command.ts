/** `millrace checkpoint`: a checkpoint of a running job, out of turn. */
import { EXIT } from '../exit-code.ts'
import { runOperation } from '../operate/await-operation.ts'
import { chooseJobId } from '../operate/listed-job.ts'
import { OPERATE_OPTIONS, parseOperateLine } from '../operate/operate-line.ts'
import type { Command } from './command.ts'
import { usageError } from './command-line.ts'

const CHECKPOINT_OPTIONS = {
  full: { type: 'boolean', help: 'one that refers to no earlier one' },
  incremental: { type: 'boolean', help: 'one that writes only what has changed' },
  ...OPERATE_OPTIONS,
} as const

export const checkpointCommand: Command = {
  name: 'checkpoint',
  summary: 'take a checkpoint of a running job now',
  usage: '[job id] [options]',
  options: CHECKPOINT_OPTIONS,
  async run(argv, { stdout }) {
    const { values, client, jobId: given } = parseOperateLine('checkpoint', CHECKPOINT_OPTIONS, argv, 'job')
    if (values.full === true && values.incremental === true) {
      throw usageError('checkpoint', 'A checkpoint is either --full or --incremental.', 'Give one of them, or none.')
    }
    const jobId = await chooseJobId('checkpoint', client, given)
    const checkpointType = values.full === true ? 'FULL' : values.incremental === true ? 'INCREMENTAL' : 'CONFIGURED'
    const { checkpointId } = await runOperation(client, {
      what: 'The checkpoint',
      trigger: `/jobs/${jobId}/checkpoints`,
      status: `/jobs/${jobId}/checkpoints`,
      body: { checkpointType },
    })
    const text =
      values.json === true
        ? JSON.stringify({ kind: 'checkpoint', job: jobId, checkpointId })
        : `Checkpoint ${checkpointId} of job ${jobId} is complete.`
    stdout.write(`${text}\n`)
    return EXIT.finished
  },
}
