/** The names of what Millrace is measured for against itself. */
export const COSTS = ['checkpoints', 'scaling', 'pauses'] as const
