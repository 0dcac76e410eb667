/** `millrace list`: the jobs of a REST server. */
import { EXIT } from '../exit-code.ts'
import { hasEnded, type ListedJob, listJobs } from '../operate/listed-job.ts'
import { OPERATE_OPTIONS, parseOperateLine } from '../operate/operate-line.ts'
import { formatDuration } from '../text/format-quantity.ts'
import { choosePaint } from '../text/paint.ts'
import { renderTable, type TableColumn } from '../text/table.ts'
import type { Command } from './command.ts'

const LIST_OPTIONS = {
  all: { type: 'boolean', short: 'a', help: 'also those that have ended' },
  ...OPERATE_OPTIONS,
} as const

const COLUMNS: readonly TableColumn<ListedJob>[] = [
  { title: 'job', align: 'left', cell: ({ id }) => id },
  { title: 'name', align: 'left', cell: ({ name }) => name },
  { title: 'state', align: 'left', cell: ({ state }) => state },
  { title: 'tasks', align: 'right', cell: ({ tasksRunning, tasks }) => `${tasksRunning}/${tasks}` },
  { title: 'for', align: 'right', cell: ({ durationMs }) => formatDuration(durationMs) },
]

export const listCommand: Command = {
  name: 'list',
  summary: 'list the jobs that run',
  usage: '[options]',
  options: LIST_OPTIONS,
  async run(argv, { stdout, variables }) {
    const { values, client } = parseOperateLine('list', LIST_OPTIONS, argv, 'nothing')
    const jobs = (await listJobs(client)).filter((job) => values.all === true || !hasEnded(job))
    const lines =
      values.json === true
        ? [JSON.stringify({ jobs: jobs.map(({ json }) => json) })]
        : jobs.length === 0
          ? [`No job runs at ${client.address}.`]
          : renderTable(COLUMNS, jobs, choosePaint(stdout, variables))
    stdout.write(`${lines.join('\n')}\n`)
    return EXIT.finished
  },
}
