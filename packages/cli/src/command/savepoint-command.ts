/** `millrace savepoint`: a savepoint of a job that goes on. */
import { EXIT } from '../exit-code.ts'
import { runOperation } from '../operate/await-operation.ts'
import { chooseJobId } from '../operate/listed-job.ts'
import { folderForServer, OPERATE_OPTIONS, parseOperateLine } from '../operate/operate-line.ts'
import type { Command } from './command.ts'

export const savepointCommand: Command = {
  name: 'savepoint',
  summary: 'take a savepoint of a running job',
  usage: '[job id] [folder] [options]',
  options: OPERATE_OPTIONS,
  async run(argv, { stdout }) {
    const line = parseOperateLine('savepoint', OPERATE_OPTIONS, argv, 'jobAndFolder')
    const { values, client } = line
    const jobId = await chooseJobId('savepoint', client, line.jobId)
    const { location } = await runOperation(client, {
      what: 'The savepoint',
      jobId,
      trigger: 'savepoints',
      status: 'savepoints',
      body: {
        'target-directory': folderForServer(line.folder, line.address),
        'cancel-job': false,
        formatType: 'CANONICAL',
      },
    })
    const text =
      values.json === true
        ? JSON.stringify({ kind: 'savepoint', job: jobId, savepoint: location })
        : `The savepoint of job ${jobId}: ${location}`
    stdout.write(`${text}\n`)
    return EXIT.finished
  },
}
