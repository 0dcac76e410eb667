/**
 * Freezes a value with all that is in it and returns it; what is frozen already is taken to be frozen throughout. Bytes
 * in typed arrays and entries of Map and Set stay changeable, because the language cannot freeze them.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value) || ArrayBuffer.isView(value)) return value
  Object.freeze(value)
  for (const part of Object.values(value)) deepFreeze(part)
  return value
}
