/**
 * Key selectors made runnable. Code is generated per field, so that reading it stays a single property access; it
 * names the field only as a string literal.
 */
import { type KeySelector, MillraceError } from '@millrace/api'

/**
 * From a record to its key, whatever that is: `hashKey` and `toMapKey` refuse what is no key. The function throws
 * `KEY_INVALID` when the record has no fields at all; errors of a user's function come through as they are.
 */
export function compileKeySelector(selector: KeySelector): (record: unknown) => unknown {
  return selector.kind === 'field' ? compileFieldAccess(selector.field) : selector.select
}

function compileFieldAccess(field: string): (record: unknown) => unknown {
  const name = JSON.stringify(field)
  const code = `return (record) => {
  if (record === null || record === undefined) refuseRecord(${name}, record)
  return record[${name}]
}
//# sourceURL=millrace-key-field`
  return new Function('refuseRecord', code)(refuseRecord) as (record: unknown) => unknown
}

function refuseRecord(field: string, record: null | undefined): never {
  throw new MillraceError('KEY_INVALID', `A record is ${record}, so it has no field '${field}' to be its key.`, {
    details: { field },
  })
}
