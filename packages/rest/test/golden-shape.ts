/**
 * What the captures of a real Flink say an answer looks like: which keys there are always, which sometimes, and of which
 * types the values are. The captures lie outside the repository, in `../shared` or where MILLRACE_SHARED says.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const shared = process.env.MILLRACE_SHARED ?? join(import.meta.dirname, '../../../../shared')
const golden = join(shared, 'flink-rest/golden')

/** Why tests that need the captures are skipped; `false` where they are there. */
export const capturesMissing = existsSync(golden) ? false : `there are no captures in ${golden}`

export interface Capture {
  readonly name: string
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: as it was captured
  readonly body: any
}

/** All captures of a `method.path-template`, situations as in their names. */
export function captures(template: string, situation: RegExp = /./): readonly Capture[] {
  return readdirSync(golden)
    .filter((file) => file.startsWith(`${template}--`) && situation.test(file.slice(template.length + 2)))
    .map((file) => {
      const { response } = JSON.parse(readFileSync(join(golden, file), 'utf8'))
      return { name: file, status: response.status, body: response.body }
    })
}

export interface Shape {
  readonly types: ReadonlySet<string>
  /** Of objects: each key, and whether all objects had it. */
  readonly fields: ReadonlyMap<string, { readonly shape: Shape; readonly isAlways: boolean }>
  /** Of all elements of arrays. */
  readonly elements: Shape | undefined
}

export function shapeOf(samples: readonly unknown[]): Shape {
  const objects = samples.filter((sample) => typeOf(sample) === 'object') as Readonly<Record<string, unknown>>[]
  const keyed = objects.map((object) => new Map(Object.entries(object).map(([key, value]) => [nameOf(key), value])))
  const names = new Set(keyed.flatMap((fields) => [...fields.keys()]))
  const lists = samples.filter((sample) => Array.isArray(sample))
  return {
    types: new Set(samples.map(typeOf)),
    fields: new Map(
      [...names].map((name) => {
        const having = keyed.filter((fields) => fields.has(name))
        const values = having.map((fields) => fields.get(name))
        return [name, { shape: shapeOf(values), isAlways: having.length === keyed.length }]
      }),
    ),
    elements: lists.some((list) => list.length > 0) ? shapeOf(lists.flat()) : undefined,
  }
}

/** Where a value is not as the shape says; empty where it is. */
export function differences(value: unknown, shape: Shape, path = '$'): readonly string[] {
  const type = typeOf(value)
  if (!shape.types.has(type)) return [`${path} is ${type}, not ${[...shape.types].join(' or ')}`]
  if (Array.isArray(value)) {
    const { elements } = shape
    // Captures with empty lists say nothing about what is in them.
    return elements === undefined ? [] : value.flatMap((each, at) => differences(each, elements, `${path}[${at}]`))
  }
  if (type !== 'object') return []
  const fields = new Map(Object.entries(value as object).map(([key, field]) => [nameOf(key), field]))
  const missing = [...shape.fields]
    .filter(([name, { isAlways }]) => isAlways && !fields.has(name) && name !== ID)
    .map(([name]) => `${path}.${name} is missing`)
  return [
    ...missing,
    ...[...fields].flatMap(([name, field]) => {
      const known = shape.fields.get(name)
      // An object that is always empty in captures may hold names that are not part of the form.
      if (known === undefined) return shape.fields.size === 0 ? [] : [`${path}.${name} is not in Flink's answers`]
      return differences(field, known.shape, `${path}.${name}`)
    }),
  ]
}

const ID = '<id>'

/** Ids as keys differ from job to job. */
function nameOf(key: string): string {
  return /^[0-9a-f]{32}$/.test(key) ? ID : key
}

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  if (value === 'NaN') return 'NaN'
  return Array.isArray(value) ? 'list' : typeof value
}
