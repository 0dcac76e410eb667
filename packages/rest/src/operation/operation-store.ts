/**
 * Operations that take longer than a request: each is started once for its key, can be asked for while it runs and for some
 * time after it has ended, and then is forgotten. Bounded: the oldest ended ones make room; where all run, a new one is
 * refused. When the job has ended, the server stays until what has ended was asked for once.
 */
import { type ErrorData, MillraceError, toErrorData } from '@millrace/api'

export type OperationState<Result> =
  | { readonly kind: 'in-progress' }
  | { readonly kind: 'completed'; readonly result: Result }
  | { readonly kind: 'failed'; readonly error: ErrorData }

export interface OperationStoreOptions {
  readonly keptMs: number
  now(): number
}

interface Operation<Result> {
  state: OperationState<Result>
  endedAtMs: number | undefined
  wasTold: boolean
}

export const OPERATIONS_MAX = 1_000

export class OperationStore<Result> {
  readonly #options: OperationStoreOptions
  readonly #operations = new Map<string, Operation<Result>>()
  /** Called when an operation has ended or its end was told. */
  #onSettled: (() => void) | undefined

  constructor(options: OperationStoreOptions) {
    this.#options = options
  }

  /** Starts the operation unless it is known under this key. Throws when there is no room. */
  start(key: string, run: () => Promise<Result>): void {
    this.#forgetOld()
    if (this.#operations.has(key)) return
    if (this.#operations.size >= OPERATIONS_MAX && !this.#forgetOldestEnded()) {
      throw new MillraceError(
        'OPERATION_FAILED',
        `${OPERATIONS_MAX} operations are in progress, and no more are taken`,
        {
          hint: 'Wait until some have ended.',
        },
      )
    }
    const operation: Operation<Result> = { state: { kind: 'in-progress' }, endedAtMs: undefined, wasTold: false }
    this.#operations.set(key, operation)
    const end = (state: OperationState<Result>): void => {
      operation.state = state
      operation.endedAtMs = this.#options.now()
      this.#onSettled?.()
    }
    // A throw of `run` itself is a failure of the operation as well.
    Promise.resolve()
      .then(run)
      .then(
        (result) => end({ kind: 'completed', result }),
        (error: unknown) => end({ kind: 'failed', error: toErrorData(error) }),
      )
  }

  /** `undefined`: there is none, or it ended too long ago. */
  ask(key: string): OperationState<Result> | undefined {
    this.#forgetOld()
    const operation = this.#operations.get(key)
    if (operation === undefined) return undefined
    if (operation.endedAtMs !== undefined) {
      operation.wasTold = true
      this.#onSettled?.()
    }
    return operation.state
  }

  /** Resolves when all that was started has ended and been told. */
  async allTold(): Promise<void> {
    while ([...this.#operations.values()].some(({ wasTold }) => !wasTold)) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onSettled = resolve
      await promise
    }
  }

  #forgetOld(): void {
    const before = this.#options.now() - this.#options.keptMs
    for (const [key, { endedAtMs }] of this.#operations) {
      if (endedAtMs !== undefined && endedAtMs < before) this.#operations.delete(key)
    }
  }

  #forgetOldestEnded(): boolean {
    for (const [key, { endedAtMs }] of this.#operations) {
      if (endedAtMs === undefined) continue
      return this.#operations.delete(key)
    }
    return false
  }
}
