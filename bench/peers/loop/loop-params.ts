/** What the loops take: texts, as in `shapes/shape-params.ts`. */
export type LoopParams = Readonly<Record<string, string>>
