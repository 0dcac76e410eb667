/**
 * Where state is kept while the job runs, and which way its barriers take: drawn for each process anew, so that what one has stored
 * the next one restores otherwise.
 */
import type { SeededRandom } from './seeded-random.ts'

interface Surroundings {
  readonly name: string
  readonly configuration: Readonly<Record<string, string>>
}

export const UNALIGNED: Readonly<Record<string, string>> = {
  'execution.checkpointing.unaligned.enabled': 'true',
  'execution.checkpointing.aligned-checkpoint-timeout': '0 ms',
  // Little room, so that there is back pressure.
  'taskmanager.memory.segment-size': '256 b',
  'taskmanager.memory.max-segment-size': '4 kb',
  'millrace.channel.local-size': '4 kb',
}

const BACKENDS = ['hashmap', 'segments'] as const
const BARRIERS: readonly Surroundings[] = [
  { name: 'aligned', configuration: {} },
  { name: 'unaligned', configuration: UNALIGNED },
  {
    name: 'aligned, then unaligned',
    configuration: { ...UNALIGNED, 'execution.checkpointing.aligned-checkpoint-timeout': '5 ms' },
  },
]

const SURROUNDINGS: readonly Surroundings[] = BACKENDS.flatMap((backend) =>
  BARRIERS.map(({ name, configuration }) => ({
    name: `${backend}, ${name}`,
    configuration: { 'state.backend.type': backend, ...configuration },
  })),
)

export function drawSurroundings(random: SeededRandom): Surroundings {
  return SURROUNDINGS[random.upTo(SURROUNDINGS.length) - 1] as Surroundings
}
