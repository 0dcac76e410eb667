/** Reads what is posted. Fields that are not known are ignored, as Flink does; one of another type is refused. */
import { RestError } from '../server/rest-error.ts'

type FieldKind = 'text' | 'boolean'

export type Fields<Table extends Readonly<Record<string, FieldKind>>> = {
  readonly [Name in keyof Table]: (Table[Name] extends 'text' ? string : boolean) | undefined
}

/** Nothing at all counts as `{}`; `null` as not given. Throws 400. */
export function parseBody<const Table extends Readonly<Record<string, FieldKind>>>(
  body: string,
  table: Table,
): Fields<Table> {
  const given = body.trim() === '' ? {} : parseJson(body)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw refusal('it is no JSON object')
  const fields = Object.entries(table).map(([name, kind]) => {
    const value: unknown = Object.hasOwn(given, name) ? given[name as keyof typeof given] : undefined
    if (value === undefined || value === null) return [name, undefined]
    if (kind === 'text' ? typeof value !== 'string' : typeof value !== 'boolean') {
      throw refusal(`"${name}" is no ${kind === 'text' ? 'text' : 'boolean'}`)
    }
    return [name, value]
  })
  return Object.fromEntries(fields) as Fields<Table>
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch (error) {
    throw refusal(error instanceof Error ? error.message : String(error))
  }
}

export function refusal(why: string): RestError {
  return new RestError(400, `Request did not match the expected format: ${why}.`)
}
