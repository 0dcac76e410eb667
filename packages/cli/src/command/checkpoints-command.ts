/** `millrace checkpoints`: what the checkpoints in a folder hold, what they share, and what could be deleted. */
import { inspectCheckpoints, NodeFileSystem } from '@millrace/runtime'
import { explainCheckpoints } from '../checkpoints/explain-checkpoints.ts'
import { renderCheckpoints } from '../checkpoints/render-checkpoints.ts'
import { renderMeasures } from '../checkpoints/render-measures.ts'
import { EXIT } from '../exit-code.ts'
import { foldText } from '../text/fit-text.ts'
import { choosePaint } from '../text/paint.ts'
import type { Command } from './command.ts'
import { parseCommandLine, usageError } from './command-line.ts'

const CHECKPOINTS_OPTIONS = {
  explain: { type: 'boolean', help: 'say in sentences what was kept and why' },
  json: { type: 'boolean', help: 'everything as one JSON object' },
} as const

export const checkpointsCommand: Command = {
  name: 'checkpoints',
  summary: 'show the checkpoints in a folder: sizes, what they share, what each needs',
  usage: '<folder> [options]',
  options: CHECKPOINTS_OPTIONS,
  async run(argv, { stdout, variables }) {
    const { values, positionals } = parseCommandLine('checkpoints', CHECKPOINTS_OPTIONS, argv)
    const [folder, more] = positionals
    if (folder === undefined || more !== undefined) {
      throw usageError(
        'checkpoints',
        folder === undefined ? 'No folder is named.' : `One folder is named at a time, not also "${more}".`,
        'Name the checkpoint folder of a job (by default .millrace/<job name>), a chk-<n> in it, or a savepoint.',
      )
    }
    const inspected = await inspectCheckpoints(new NodeFileSystem(), folder)
    if (values.json === true) {
      const { damaged, ...rest } = inspected
      const shown = damaged.map(({ checkpointId, path, problem }) => ({ checkpointId, path, problem: problem.message }))
      stdout.write(`${JSON.stringify({ ...rest, damaged: shown }, undefined, 2)}\n`)
      return EXIT.finished
    }
    const width = stdout.isTerminal ? stdout.size().columns : PAGE_WIDTH
    const explained = values.explain === true ? explainCheckpoints(inspected) : []
    const paint = choosePaint(stdout, variables)
    const lines = [
      ...renderCheckpoints(inspected, paint),
      ...renderMeasures(inspected, paint),
      ...explained.flatMap((paragraph) => ['', ...foldText(paragraph, width)]),
    ]
    stdout.write(`${lines.join('\n')}\n`)
    return EXIT.finished
  },
}

/** Of sentences that no terminal folds. */
const PAGE_WIDTH = 100
