/**
 * Every kind of state, and every step that keeps values of the user's, as one table: each keeps the first visit of a key, and gives
 * it when it is asked. So one suite goes over all of them.
 */
import {
  type AggregateFunction,
  type AnySchema,
  aggregateFunction,
  aggregatingState,
  type DataStream,
  filtered,
  first,
  type KeyedStream,
  keyedProcess,
  last,
  listState,
  mapState,
  max,
  min,
  reducingState,
  type StateDeclarations,
  sliding,
  tumbling,
  type,
  valueState,
} from '@millrace/api'

/** A visit, of whatever form; `ask` asks for the first one. */
export interface Visit {
  readonly k: string
  readonly ask?: boolean
  readonly [field: string]: unknown
}

/** How a step declares what it keeps. */
export interface Form {
  readonly schema?: AnySchema
  readonly version?: number
  migrate?(old: unknown, fromVersion: number): unknown
}

export interface Declaration {
  readonly form: Form
  /** Called with what is kept when it is asked for. */
  use(kept: unknown): unknown
}

export interface StateKind {
  readonly name: string
  /** Of the state, as errors call it. */
  readonly state: string
  /** Adds the step `uid`, whose results are what is kept. */
  add(visits: KeyedStream<Visit, string>, uid: string, declared: Declaration): Pick<DataStream<unknown>, 'to'>
}

/** State kinds of a keyed process function. */
type Handle = { get(): unknown; put(visit: Visit): void }

function processKind(
  name: string,
  declare: (form: Form) => StateDeclarations[string],
  handle: (state: never) => Handle,
): StateKind {
  return {
    name,
    state: 'kept',
    add: (visits, uid, { form, use }) =>
      visits.process(
        keyedProcess({
          state: { kept: declare(form) },
          emits: type<unknown>(),
          onRecord(visit: Visit, { state, emit }) {
            const { get, put } = handle((state as unknown as { kept: never }).kept)
            if (visit.ask === true) emit(use(get()))
            else if (get() === undefined) put(visit)
          },
        }),
        { uid },
      ),
  }
}

/** What `valueState(schema, options)` and its kin take, in one form. */
function declared<Descriptor>(
  make: (...given: never[]) => Descriptor,
  { schema, ...options }: Form,
  ...between: readonly unknown[]
): Descriptor {
  const given = schema === undefined ? [...between, options] : [schema, ...between, options]
  return make(...(given as never[]))
}

type Any = AggregateFunction<Visit, unknown, unknown>

/** The first visit as it came, or null; `merge` where windows are to share slices. */
function keepsFirst({ form, use }: Declaration, merges: boolean): Any {
  return aggregateFunction<Visit, unknown, unknown>({
    name: 'keepsFirst',
    ...form,
    create: () => null,
    add: (kept, visit) => (kept === null ? withoutAsking(visit) : kept),
    result: (kept) => use(kept),
    ...(merges ? { merge: (into: unknown, other: unknown) => into ?? structuredClone(other) } : {}),
  })
}

const isVisit = ({ ask }: Visit): boolean => ask !== true
const itself = (visit: Visit): unknown => visit
const firstOf = (a: Visit, _b: Visit): Visit => a

function withoutAsking(visit: Visit): Visit | null {
  return isVisit(visit) ? visit : null
}

/** Aggregates that keep a visit, on a keyed stream and in windows. */
const AGGREGATES: Readonly<Record<string, (declaration: Declaration) => Any>> = {
  'an aggregate of its own': (declaration) => keepsFirst(declaration, true),
  'an aggregate without merge': (declaration) => keepsFirst(declaration, false),
  'a filtered aggregate of its own': (declaration) => filtered(keepsFirst(declaration, true), isVisit),
  first: ({ form }) => filtered(first(itself, form as never), isVisit) as Any,
  last: ({ form }) => filtered(last(itself, form as never), isVisit) as Any,
}

const aggregateKinds = Object.entries(AGGREGATES).flatMap(([name, aggregateOf]): StateKind[] => {
  // Those that come with Millrace do not look at what they keep, so the projection does.
  const isOwn = name.includes('aggregate')
  const projected =
    (declaration: Declaration) =>
    ({ kept }: { readonly kept: unknown }): unknown =>
      isOwn ? kept : declaration.use(kept)
  const slices = name === 'an aggregate without merge' ? '_windows' : '_window-slices'
  return [
    {
      name: `aggregate with ${name}`,
      state: '_aggregate',
      add: (visits, uid, declaration) =>
        visits.aggregate({ kept: aggregateOf(declaration), ...OTHERS }, projected(declaration), { uid }),
    },
    {
      name: `tumbling windows with ${name}`,
      state: slices,
      add: (visits, uid, declaration) =>
        visits
          .window(tumbling({ size: '1 h' }))
          .aggregate({ kept: aggregateOf(declaration), ...OTHERS }, projected(declaration), { uid }),
    },
    {
      name: `sliding windows with ${name}`,
      state: slices,
      add: (visits, uid, declaration) =>
        visits
          .window(sliding({ size: '2 h', slide: '1 h' }))
          .aggregate({ kept: aggregateOf(declaration), ...OTHERS }, projected(declaration), { uid }),
    },
  ]
})

/** Beside what is kept, so that it is one of several, and not the first. */
const OTHERS = { a: min<Visit, number>(() => 1), z: max<Visit, number>(() => 1) }

export const STATE_KINDS: readonly StateKind[] = [
  processKind(
    'valueState',
    (form) => declared(valueState, form),
    (state: { get(): unknown; set(visit: Visit): void }) => ({
      get: () => state.get(),
      put: (visit) => state.set(visit),
    }),
  ),
  processKind(
    'listState',
    (form) => declared(listState, form),
    (state: { get(): readonly unknown[]; add(visit: Visit): void }) => ({
      get: () => state.get()[0],
      put: (visit) => state.add(visit),
    }),
  ),
  processKind(
    'mapState',
    ({ schema, ...options }) => {
      if (schema === undefined) return mapState(options)
      return mapState(TEXT, schema, options)
    },
    (state: { get(key: string): unknown; set(key: string, visit: Visit): void }) => ({
      get: () => state.get('x'),
      put: (visit) => state.set('x', visit),
    }),
  ),
  processKind(
    'reducingState',
    (form) => declared(reducingState as never, form, firstOf),
    (state: { get(): unknown; add(visit: Visit): void }) => ({
      get: () => state.get(),
      put: (visit) => state.add(visit),
    }),
  ),
  processKind(
    'aggregatingState',
    (form) => declared(aggregatingState as never, form, keepsFirst({ form: {}, use: itself as never }, true)),
    (state: { get(): unknown; add(visit: Visit): void }) => ({
      get: () => state.get(),
      put: (visit) => state.add(visit),
    }),
  ),
  processKind(
    'aggregatingState with the form of its aggregate',
    (form) => aggregatingState(first(itself, form as never)),
    (state: { get(): unknown; add(visit: Visit): void }) => ({
      get: () => state.get(),
      put: (visit) => state.add(visit),
    }),
  ),
  {
    name: 'reduce',
    state: '_reduce',
    add: (visits, uid, { form, use }) => visits.reduce((kept) => use(kept) as Visit, { uid, ...form } as never),
  },
  {
    name: 'reduce in windows',
    state: '_windows',
    add: (visits, uid, { form, use }) =>
      visits.window(tumbling({ size: '1 h' })).reduce(firstOf, (kept) => use(kept), { uid, ...form } as never),
  },
  ...aggregateKinds,
]

const TEXT: AnySchema = {
  '~standard': {
    version: 1,
    vendor: 'text',
    validate: (value) => (typeof value === 'string' ? { value } : { issues: [{ message: 'no text' }] }),
  },
}
