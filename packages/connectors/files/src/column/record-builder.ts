/**
 * Builds a record from columns by one object literal that is generated once per declaration: all records share one
 * hidden class, and no property is looked up by a changing name. Only names that the job declared go into the code, as
 * string literals; values come in as arguments.
 */

/** Generates `(…parameters) => ({ name: expression, … })` with `scope` visible to the expressions by its names. */
export function compileRecordBuilder<Build>(
  fields: readonly { readonly name: string; readonly expression: string }[],
  parameters: readonly string[],
  scope: Readonly<Record<string, unknown>>,
): Build {
  const properties = fields.map(({ name, expression }) => `${propertyKey(name)}: ${expression}`)
  const code = `'use strict'; return (${parameters.join(', ')}) => ({ ${properties.join(', ')} })`
  return new Function(...Object.keys(scope), code)(...Object.values(scope)) as Build
}

/** A literal `"__proto__":` would set the prototype; the computed form makes a property of that name. */
function propertyKey(name: string): string {
  const literal = JSON.stringify(name)
  return name === '__proto__' ? `[${literal}]` : literal
}
