/** Rows under a head, each column as wide as its widest cell. Pure. */
import { padText, textWidth } from './fit-text.ts'
import type { Paint } from './paint.ts'

export interface TableColumn<Row> {
  readonly title: string
  readonly align: 'left' | 'right'
  cell(row: Row): string
}

const GAP = '  '

/** The head, then a line for each row; nothing without rows. */
export function renderTable<Row>(
  columns: readonly TableColumn<Row>[],
  rows: readonly Row[],
  paint: Paint,
): readonly string[] {
  if (rows.length === 0) return []
  const cells = rows.map((row) => columns.map((column) => column.cell(row)))
  const widths = columns.map(({ title }, i) =>
    Math.max(textWidth(title), ...cells.map((row) => textWidth(row[i] as string))),
  )
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, i) => padText(text, widths[i] as number, (columns[i] as TableColumn<Row>).align))
      .join(GAP)
      .trimEnd()
  return [paint('faint', line(columns.map(({ title }) => title))), ...cells.map(line)]
}
