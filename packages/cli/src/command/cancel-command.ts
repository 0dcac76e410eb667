/** `millrace cancel`: ends a job at once. */
import { EXIT } from '../exit-code.ts'
import { chooseJobId } from '../operate/listed-job.ts'
import { OPERATE_OPTIONS, parseOperateLine } from '../operate/operate-line.ts'
import type { Command } from './command.ts'

export const cancelCommand: Command = {
  name: 'cancel',
  summary: 'end a running job at once, without a savepoint',
  usage: '[job id] [options]',
  options: OPERATE_OPTIONS,
  async run(argv, { stdout }) {
    const { values, client, jobId: given } = parseOperateLine('cancel', OPERATE_OPTIONS, argv, 'job')
    const jobId = await chooseJobId('cancel', client, given)
    await client.patch(`/jobs/${jobId}?mode=cancel`)
    const text = values.json === true ? JSON.stringify({ kind: 'cancel', job: jobId }) : `Job ${jobId} is cancelled.`
    stdout.write(`${text}\n`)
    return EXIT.finished
  },
}
