/** `millrace cancel`: ends a job at once. */
import { MillraceError } from '@millrace/api'
import { EXIT } from '../exit-code.ts'
import { chooseJobId } from '../operate/listed-job.ts'
import { OPERATE_OPTIONS, parseOperateLine } from '../operate/operate-line.ts'
import type { RestClient } from '../operate/rest-client.ts'
import type { Command } from './command.ts'

export const cancelCommand: Command = {
  name: 'cancel',
  summary: 'end a running job at once, without a savepoint',
  usage: '[job id] [options]',
  options: OPERATE_OPTIONS,
  async run(argv, { stdout }) {
    const { values, client, jobId: given } = parseOperateLine('cancel', OPERATE_OPTIONS, argv, 'job')
    const jobId = await chooseJobId('cancel', client, given)
    await cancelJob(client, jobId)
    const text = values.json === true ? JSON.stringify({ kind: 'cancel', job: jobId }) : `Job ${jobId} is cancelled.`
    stdout.write(`${text}\n`)
    return EXIT.finished
  },
}

async function cancelJob(client: RestClient, jobId: string): Promise<void> {
  try {
    await client.patch(`/jobs/${jobId}?mode=cancel`)
  } catch (error) {
    if (!(error instanceof MillraceError) || error.details.status !== 404) throw error
    throw new MillraceError('RUNNING_JOB_NOT_FOUND', `There is no job ${jobId} at ${client.address}`, {
      details: { job: jobId },
      hint: 'millrace list shows which there is.',
      cause: error,
    })
  }
}
