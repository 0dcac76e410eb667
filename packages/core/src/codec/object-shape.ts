/**
 * Shapes: the ordered list of an object's own enumerable string properties. Equal lists share one `ObjectShape` per
 * thread, which carries the functions generated for it. Generated code names properties only, as string literals made
 * by `JSON.stringify`; values never become code.
 *
 * Jobs that use objects as dictionaries make shapes without end, so the table is bounded: when full it starts anew.
 * A shape taken from it before stays valid.
 */

/** Objects with more properties than this have no shape. */
export const SHAPE_KEYS_MAX = 128
/** An object of this shape was met so often before code is generated for it. */
const USES_BEFORE_COMPILING = 32
const NODES_MAX = 20_000

/** Writes and reads one value; `ValueEncoder` and `ValueDecoder`. */
export interface ValueSink {
  value(value: unknown, depth: number): void
}
export interface ValueSource {
  value(depth: number): unknown
}

type CountAlike = (
  values: readonly unknown[],
  count: number,
  keys: readonly string[],
  keyCount: number,
  prototype: object,
) => number
type EndOfFlat = (values: readonly unknown[], from: number, to: number) => number
type ExtractNumbers = (objects: readonly unknown[], count: number, into: Float64Array) => boolean
type ExtractValues = (objects: readonly unknown[], count: number, into: unknown[]) => void

export class ObjectShape {
  readonly keys: readonly string[]
  readonly nullPrototype: boolean
  /** The encoder that last numbered this shape, and the number: saves it a look-up. */
  encoderToken = 0
  encoderNumber = 0
  #writes = 0
  #reads = 0
  #compiledWrite: ((sink: ValueSink, object: object, depth: number) => void) | undefined
  #compiledRead: ((source: ValueSource, depth: number) => object) | undefined
  #countAlike: CountAlike | undefined
  #endOfFlat: EndOfFlat | undefined
  #canonicalKeys: readonly string[] | undefined
  readonly #extractNumbers: ExtractNumbers[] = []
  readonly #extractValues: ExtractValues[] = []
  #build: ((count: number, columns: readonly ArrayLike<unknown>[], into: unknown[]) => void) | undefined

  constructor(keys: readonly string[], nullPrototype: boolean) {
    this.keys = keys
    this.nullPrototype = nullPrototype
  }

  /** The same properties in the order of their units, which is that of keys (`key/key-encoding.ts`). */
  get canonicalKeys(): readonly string[] {
    // The default order of sort is by code units, in every place and language.
    this.#canonicalKeys ??= [...this.keys].sort()
    return this.#canonicalKeys
  }

  /**
   * How many of the first `count` values are, from the beginning, plain objects with exactly these properties in this
   * order; for shapes with properties. Objects with inherited enumerable properties are not recognised; the caller makes sure that there are none.
   */
  countAlike(values: readonly unknown[], count: number): number {
    this.#countAlike ??= compileCountAlike(this.keys[0] as string)
    return this.#countAlike(values, count, this.keys, this.keys.length, Object.prototype)
  }

  /**
   * Index of the first of `values[from, to)` that is no plain object with exactly these properties in this order, or in
   * which one is an object, a function or a symbol; for shapes with properties.
   */
  endOfFlat(values: readonly unknown[], from: number, to: number): number {
    this.#endOfFlat ??= compileEndOfFlat(this.keys)
    return this.#endOfFlat(values, from, to)
  }

  /** Hands the property values to `sink` in order. */
  writeValues(sink: ValueSink, object: object, depth: number): void {
    if (this.#compiledWrite !== undefined) {
      this.#compiledWrite(sink, object, depth)
      return
    }
    if (++this.#writes >= USES_BEFORE_COMPILING) this.#compiledWrite = compileWrite(this)
    const keys = this.keys
    for (let i = 0; i < keys.length; i++) sink.value((object as Record<string, unknown>)[keys[i] as string], depth)
  }

  /** Makes an object of this shape with values taken from `source` in order. */
  readObject(source: ValueSource, depth: number): object {
    if (this.#compiledRead !== undefined) return this.#compiledRead(source, depth)
    if (++this.#reads >= USES_BEFORE_COMPILING) this.#compiledRead = compileRead(this)
    const object: Record<string, unknown> = this.nullPrototype ? Object.create(null) : {}
    const keys = this.keys
    for (let i = 0; i < keys.length; i++) setOwn(object, keys[i] as string, source.value(depth))
    return object
  }

  /** Reads one property of `objects[0, count)`; false as soon as one is no number. */
  extractNumbers(property: number, objects: readonly unknown[], count: number, into: Float64Array): boolean {
    this.#extractNumbers[property] ??= compileExtractNumbers(this.keys[property] as string)
    return (this.#extractNumbers[property] as ExtractNumbers)(objects, count, into)
  }

  /** Reads one property of `objects[0, count)`. */
  extractValues(property: number, objects: readonly unknown[], count: number, into: unknown[]): void {
    this.#extractValues[property] ??= compileExtractValues(this.keys[property] as string)
    ;(this.#extractValues[property] as ExtractValues)(objects, count, into)
  }

  /** Makes `count` objects from one column per property: the first entries of `into`. */
  build(count: number, columns: readonly ArrayLike<unknown>[], into: unknown[]): void {
    this.#build ??= compileBuild(this)
    this.#build(count, columns, into)
  }
}

/** Sets an own property, also one named `__proto__`. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true })
  } else {
    object[key] = value
  }
}

interface ShapeNode {
  /** The child that was asked for last. */
  lastKey: string | undefined
  lastChild: ShapeNode | undefined
  children: Map<string, ShapeNode> | undefined
  shape: ObjectShape | undefined
}

let plainRoot = newNode()
let nullPrototypeRoot = newNode()
let nodes = 0

/** The shape with these properties, or `undefined` when they are too many. */
export function shapeOfKeys(keys: readonly string[], nullPrototype: boolean): ObjectShape | undefined {
  if (keys.length > SHAPE_KEYS_MAX) return undefined
  let node = nullPrototype ? nullPrototypeRoot : plainRoot
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] as string
    node = node.lastKey === key ? (node.lastChild as ShapeNode) : childOf(node, key)
  }
  if (node.shape !== undefined) return node.shape
  const shape = new ObjectShape(keys.slice(), nullPrototype)
  if (nodes > NODES_MAX) {
    plainRoot = newNode()
    nullPrototypeRoot = newNode()
    nodes = 0
  } else {
    node.shape = shape
  }
  return shape
}

function childOf(node: ShapeNode, key: string): ShapeNode {
  node.children ??= new Map()
  let child = node.children.get(key)
  if (child === undefined) {
    child = newNode()
    nodes++
    node.children.set(key, child)
  }
  node.lastKey = key
  node.lastChild = child
  return child
}

function newNode(): ShapeNode {
  return { lastKey: undefined, lastChild: undefined, children: undefined, shape: undefined }
}

function compileWrite(shape: ObjectShape): (sink: ValueSink, object: object, depth: number) => void {
  const calls = shape.keys.map((key) => `sink.value(object[${JSON.stringify(key)}], depth)`)
  return new Function('sink', 'object', 'depth', `${calls.join('\n')}\n//# sourceURL=millrace-shape-write`) as never
}

function compileRead(shape: ObjectShape): (source: ValueSource, depth: number) => object {
  const body = literal(shape, () => 'source.value(depth)')
  return new Function('source', 'depth', `return ${body}\n//# sourceURL=millrace-shape-read`) as never
}

/**
 * Generated so that V8 sees one kind of object in it. The read of the first property tells V8 which kind that is; the
 * question for the prototype then costs nothing, and fifteen times as much without.
 */
function compileCountAlike(firstKey: string): CountAlike {
  return new Function(
    'values',
    'count',
    'keys',
    'keyCount',
    'prototype',
    `for (let i = 0; i < count; i++) {
const value = values[i]
if (typeof value !== 'object' || value === null) return i
value[${JSON.stringify(firstKey)}]
if (Object.getPrototypeOf(value) !== prototype) return i
let k = 0
for (const key in value) if (key !== keys[k++]) return i
if (k !== keyCount) return i
}
return count
//# sourceURL=millrace-shape-compare`,
  ) as CountAlike
}

/**
 * As above, then property by property: what waits for memory there is the look at a string, which says what it is, and
 * many are waited for at once when nothing else is in the loop. Of a number V8 knows what it is by the kind of object.
 */
function compileEndOfFlat(keys: readonly string[]): EndOfFlat {
  const loops = keys.map(
    (key) => `for (let i = from; i < end; i++) {
const value = values[i][${JSON.stringify(key)}]
if (typeof value === 'object' ? value !== null : typeof value === 'function' || typeof value === 'symbol') end = i
}`,
  )
  return new Function(
    'keys',
    'prototype',
    `return function endOfFlat(values, from, to) {
let end = to
for (let i = from; i < end; i++) {
const value = values[i]
if (typeof value !== 'object' || value === null) { end = i; break }
value[${JSON.stringify(keys[0])}]
let k = 0
if (Object.getPrototypeOf(value) === prototype) for (const key in value) if (key !== keys[k++]) { k = -1; break }
if (k !== ${keys.length}) end = i
}
${loops.join('\n')}
return end
}
//# sourceURL=millrace-shape-flat`,
  )(keys, Object.prototype) as EndOfFlat
}

function compileExtractNumbers(key: string): ExtractNumbers {
  return new Function(
    'objects',
    'count',
    'into',
    `for (let i = 0; i < count; i++) {
const value = objects[i][${JSON.stringify(key)}]
if (typeof value !== 'number') return false
into[i] = value
}
return true
//# sourceURL=millrace-shape-numbers`,
  ) as ExtractNumbers
}

function compileExtractValues(key: string): ExtractValues {
  return new Function(
    'objects',
    'count',
    'into',
    `for (let i = 0; i < count; i++) into[i] = objects[i][${JSON.stringify(key)}]
//# sourceURL=millrace-shape-values`,
  ) as ExtractValues
}

function compileBuild(
  shape: ObjectShape,
): (count: number, columns: readonly ArrayLike<unknown>[], into: unknown[]) => void {
  const columns = shape.keys.map((_, i) => `const c${i} = columns[${i}]`)
  return new Function(
    'count',
    'columns',
    'into',
    `${columns.join('\n')}
for (let i = 0; i < count; i++) into[i] = ${literal(shape, (i) => `c${i}[i]`)}
//# sourceURL=millrace-shape-build`,
  ) as never
}

/** An object literal; its values are evaluated in the order of the properties. */
function literal(shape: ObjectShape, expressionOf: (index: number) => string): string {
  const properties = shape.keys.map((key, i) => {
    const name = JSON.stringify(key)
    // Only as a computed name is `__proto__` a property and not the prototype.
    return `${key === '__proto__' ? `[${name}]` : name}: ${expressionOf(i)}`
  })
  if (shape.nullPrototype) properties.unshift('__proto__: null')
  return `({ ${properties.join(', ')} })`
}
