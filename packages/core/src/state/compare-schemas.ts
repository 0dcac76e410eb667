/**
 * Compares two JSON Schemas: what of values that fit `stored`, which is what a schema gave, is certain not to fit `declared`, which is
 * what a schema takes. Only what is certain is
 * told: a field that is required now and cannot have been stored, and values of a type that is not allowed any more.
 * Anything else that differs (formats, limits, unions of objects, recursion) is for the schema itself to say, value by value.
 */

type Json = Readonly<Record<string, unknown>>

/** JSON Schemas of a declared schema as text, `undefined` where not known: of what it takes, and of what it gives. */
export interface DescribedSchema {
  readonly takes: string | undefined
  readonly gives: string | undefined
}

/** `stored`: as text, `undefined` where not known. `place` names the outermost value. None where it is what the schema gives. */
export function schemaProblems(
  stored: string | undefined,
  { takes, gives }: DescribedSchema,
  place: string,
): readonly string[] {
  if (stored === undefined || takes === undefined || stored === gives) return []
  const problems: string[] = []
  compare(JSON.parse(stored), JSON.parse(takes), place, problems)
  return problems
}

function compare(stored: unknown, declared: unknown, place: string, problems: string[]): void {
  if (!isJson(stored) || !isJson(declared)) return
  const [had, has] = [typesOf(stored), typesOf(declared)]
  if (had === undefined || has === undefined) return
  const readable = had.filter((type) => has.includes(type) || (type === 'integer' && has.includes('number')))
  // A number may be an integer: the values tell.
  if (readable.length === 0 && !(had.includes('number') && has.includes('integer'))) {
    problems.push(`${place} was ${had.join(' or ')} and is ${has.join(' or ')}`)
    return
  }
  // Where there are several types, or null, each value tells for itself.
  if (had.length > 1) return
  if (had[0] === 'object') compareFields(stored, declared, place, problems)
  // A list may be empty, so its elements tell for themselves.
}

function compareFields(stored: Json, declared: Json, place: string, problems: string[]): void {
  const [had, has] = [fieldsOf(stored), fieldsOf(declared)]
  for (const name of namesIn(declared.required)) {
    const field = has[name]
    if (isJson(field) && 'default' in field) continue
    const where = `${place}.${name}`
    if (name in had) {
      if (namesIn(stored.required).includes(name)) compare(had[name], field, where, problems)
    } else if (stored.additionalProperties === false) {
      problems.push(`${where} is required and was not stored`)
    }
  }
  for (const name of namesIn(stored.required)) {
    if (name in has && !namesIn(declared.required).includes(name)) {
      compare(had[name], has[name], `${place}.${name}`, problems)
    }
  }
}

/** Names of types; `undefined` where the schema does not say them plainly. */
function typesOf(schema: Json): readonly string[] | undefined {
  const { type } = schema
  if (typeof type === 'string') return [type]
  if (Array.isArray(type) && type.every((one) => typeof one === 'string')) return type
  return undefined
}

function fieldsOf({ properties }: Json): Json {
  return isJson(properties) ? properties : {}
}

function namesIn(names: unknown): readonly string[] {
  return Array.isArray(names) ? names.filter((name): name is string => typeof name === 'string') : []
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
