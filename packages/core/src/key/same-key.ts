/** Whether two keys are the same key, without making their bytes: what tables compare when hashes are equal. */

/**
 * `canonical` is mostly a key in canonical form (`canonicalKey`), as tables keep them; it may, as `key` may, be in whatever
 * form it was chosen: properties in any order, −0 for 0. Both must be keys.
 */
export function isSameKey(canonical: unknown, key: unknown): boolean {
  if (canonical === key) return true
  if (typeof canonical !== 'object' || typeof key !== 'object' || canonical === null || key === null) return false
  return Array.isArray(canonical) ? areSameItems(canonical, key) : areSameProperties(canonical, key)
}

function areSameItems(canonical: readonly unknown[], key: object): boolean {
  if (!Array.isArray(key) || key.length !== canonical.length) return false
  for (let i = 0; i < canonical.length; i++) if (!isSameKey(canonical[i], key[i])) return false
  return true
}

function areSameProperties(canonical: object, key: object): boolean {
  if (Array.isArray(key)) return false
  let left = Object.keys(key).length
  for (const name in canonical) {
    if (!Object.hasOwn(canonical, name)) continue
    if (!Object.hasOwn(key, name)) return false
    if (!isSameKey((canonical as Record<string, unknown>)[name], (key as Record<string, unknown>)[name])) return false
    left--
  }
  return left === 0
}
