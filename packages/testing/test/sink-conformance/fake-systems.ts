/** Outside systems in memory, which outlive every connection to them. */
import type {
  CommitAnswer,
  OpenTransaction,
  TransactionalTarget,
  Upsert,
  UpsertTarget,
  WriteAheadBatch,
  WriteAheadTarget,
} from '@millrace/api'

/** Transactions by name: open ones die with their connection, prepared ones stay; committed names are remembered. */
export class TransactionStore<T> {
  readonly visible: T[] = []
  readonly #open = new Map<string, T[]>()
  readonly #prepared = new Map<string, T[]>()
  readonly #committed = new Set<string>()

  get unfinished(): readonly string[] {
    return [...this.#open.keys(), ...this.#prepared.keys()]
  }

  async connect(): Promise<TransactionalTarget<T>> {
    return {
      begin: async (id) => this.#begin(id),
      commit: async (id) => this.#commit(id),
      abort: async (id) => {
        this.#open.delete(id)
        this.#prepared.delete(id)
      },
      unfinished: async (prefix) => this.unfinished.filter((id) => id.startsWith(prefix)),
      close: async () => {},
    }
  }

  /** As a timeout of the system would. */
  forgetPrepared(): void {
    this.#prepared.clear()
  }

  #begin(id: string): OpenTransaction<T> {
    if (this.#open.has(id) || this.#prepared.has(id) || this.#committed.has(id)) throw new Error(`${id} is taken`)
    const records: T[] = []
    this.#open.set(id, records)
    return {
      write: (batch) => {
        if (!this.#open.has(id)) throw new Error(`${id} is not open`)
        records.push(...batch)
      },
      prepare: async () => {
        this.#open.delete(id)
        this.#prepared.set(id, records)
      },
    }
  }

  #commit(id: string): CommitAnswer {
    if (this.#committed.has(id)) return 'already-committed'
    const records = this.#prepared.get(id)
    if (records === undefined) return 'unknown'
    this.#prepared.delete(id)
    this.#committed.add(id)
    this.visible.push(...records)
    return 'committed'
  }
}

/** One row for each key. */
export class RowStore<Row> {
  readonly rows = new Map<string, Row>()
  readonly calls: (readonly Upsert<Row>[])[] = []

  async connect(): Promise<UpsertTarget<Row>> {
    return {
      apply: async (upserts) => {
        this.calls.push(upserts)
        for (const { key, row } of upserts) {
          if (row === undefined) this.rows.delete(key)
          else this.rows.set(key, row)
        }
      },
      close: async () => {},
    }
  }
}

/** Takes batches, and may remember which. */
export class BatchStore<T> {
  readonly visible: T[] = []
  readonly #ids = new Set<string>()

  async connect(remembers: boolean): Promise<WriteAheadTarget<T>> {
    return {
      write: async ({ id, records }: WriteAheadBatch<T>) => {
        this.#ids.add(id)
        this.visible.push(...records)
      },
      ...(remembers ? { has: async (id: string) => this.#ids.has(id) } : {}),
      close: async () => {},
    }
  }
}
