/**
 * Two-phase commit into a system whose transactions survive a crash once they are prepared (PREPARE TRANSACTION of a
 * database, a transactional producer): one transaction for each subtask and checkpoint. It is prepared at the
 * barrier, named in the checkpoint, and committed when that is complete; again after a recovery. What was open or prepared
 * without being named is rolled back before a new attempt writes.
 *
 * Protocol: J. Gray, L. Lamport, "Consensus on Transaction Commit" (2006), §2; the checkpoint is the coordinator's log.
 */
import type { PlainValue } from '../../connector/plain-value.ts'
import type {
  PreparedOutput,
  Sink,
  SinkCommitter,
  SinkTargetContext,
  SinkWriter,
  SinkWriterContext,
} from '../../connector/sink.ts'
import { MillraceError } from '../../error/millrace-error.ts'
import { checkFunction, checkOptions, checkText, invalidOption } from '../../option/check-options.ts'

/** What the outside system found under the name of a transaction that is to be committed. */
export type CommitAnswer =
  /** It was prepared and is visible now. */
  | 'committed'
  /** It had been committed before: a crash came between the commit and our hearing of it. */
  | 'already-committed'
  /** Nobody knows it: its records are lost. */
  | 'unknown'

/** A connection to the outside system. */
export interface TransactionalTarget<T> {
  /** Opens a transaction under a name that nobody else uses; after it is prepared, any connection must find it by that. */
  begin(id: string): Promise<OpenTransaction<T>>
  /**
   * Makes a prepared transaction visible. To tell `already-committed` from `unknown`, a target that forgets committed ones
   * writes their names beside the records, in the same transaction.
   */
  commit(id: string): Promise<CommitAnswer>
  /** Rolls a transaction back, open or prepared. One that is not there is none of its worries. */
  abort(id: string): Promise<void>
  /** Names of open and prepared transactions that begin with `prefix`. */
  unfinished(prefix: string): Promise<readonly string[]>
  close(): Promise<void>
}

/** A transaction that is written to. */
export interface OpenTransaction<T> {
  write(records: readonly T[]): void | Promise<void>
  /** When the promise resolves, the transaction can be committed after a crash of everything else. */
  prepare(): Promise<void>
}

/** Options of `transactionalSink`. */
export interface TransactionalSinkOptions<T> {
  /** What the sink is, for the plan: `postgres-sink`. */
  readonly kind: string
  /** For the plan: where it writes to. Default: nothing. */
  readonly options?: Readonly<Record<string, PlainValue>>
  /** Connects; once in each subtask's writer, in the committer, and before an attempt. */
  readonly connect: () => Promise<TransactionalTarget<T>>
}

/** What a checkpoint knows of a transaction. */
export interface PreparedTransaction {
  readonly [field: string]: PlainValue
  readonly id: string
}

/** A sink that is exactly-once by transactions. Throws `GRAPH_INVALID` for options that are none. */
export function transactionalSink<T>(options: TransactionalSinkOptions<T>): Sink<T, null, PreparedTransaction> {
  checkOptions('transactionalSink', options, ['kind', 'options', 'connect'])
  const { kind, connect } = options
  if (checkText('transactionalSink', 'kind', kind) === undefined) {
    throw invalidOption('transactionalSink', 'kind', kind, 'a text')
  }
  checkFunction('transactionalSink', 'connect', connect)
  return {
    kind,
    options: options.options ?? {},
    guarantee: 'exactly-once',
    prepareTarget: (context) => rollBackUnnamed(connect, context),
    openWriter: async (context) => new TransactionWriter(await connect(), context),
    openCommitter: async () => new TransactionCommitter(kind, await connect()),
  }
}

/** All transactions of one step of one history of a job; `/` is in no part of it. */
function prefixOf(lineage: string, uid: string): string {
  return `millrace/${lineage}/${encodeURIComponent(uid)}/`
}

/** What an attempt left that no checkpoint names: its records will be written again. */
async function rollBackUnnamed<T>(
  connect: () => Promise<TransactionalTarget<T>>,
  { lineage, uid, pending, report }: SinkTargetContext,
): Promise<void> {
  const target = await connect()
  try {
    const named = new Set(pending.map((each) => (each as PreparedTransaction).id))
    const unnamed = (await target.unfinished(prefixOf(lineage, uid))).filter((id) => !named.has(id))
    for (const id of unnamed) await target.abort(id)
    if (unnamed.length > 0) {
      report(`${unnamed.length} transaction${unnamed.length === 1 ? '' : 's'} that no checkpoint names rolled back.`)
    }
  } finally {
    await target.close()
  }
}

class TransactionWriter<T> implements SinkWriter<T, null, PreparedTransaction> {
  readonly #target: TransactionalTarget<T>
  readonly #prefix: string
  readonly #suffix: string
  /** The checkpoint that will name what is written now, or a later one. */
  #epoch: number
  #open: { readonly id: string; readonly transaction: OpenTransaction<T> } | undefined

  constructor(target: TransactionalTarget<T>, context: SinkWriterContext) {
    const { lineage, uid, subtask, attempt, nonce, firstEpoch } = context
    this.#target = target
    this.#prefix = `${prefixOf(lineage, uid)}${subtask}/`
    this.#suffix = `/${attempt}-${nonce}`
    this.#epoch = firstEpoch
  }

  async write(records: readonly T[]): Promise<void> {
    if (this.#open === undefined) {
      const id = `${this.#prefix}${this.#epoch}${this.#suffix}`
      this.#open = { id, transaction: await this.#target.begin(id) }
    }
    await this.#open.transaction.write(records)
  }

  async prepare(checkpointId: number): Promise<PreparedOutput<null, PreparedTransaction>> {
    const open = this.#open
    this.#epoch = checkpointId + 1
    if (open === undefined) return { states: [], committables: [] }
    await open.transaction.prepare()
    this.#open = undefined
    return { states: [], committables: [{ id: open.id }] }
  }

  async close(): Promise<void> {
    try {
      if (this.#open !== undefined) await this.#target.abort(this.#open.id)
    } finally {
      await this.#target.close()
    }
  }
}

class TransactionCommitter<T> implements SinkCommitter<PreparedTransaction> {
  readonly #kind: string
  readonly #target: TransactionalTarget<T>

  constructor(kind: string, target: TransactionalTarget<T>) {
    this.#kind = kind
    this.#target = target
  }

  async commit(prepared: readonly PreparedTransaction[]): Promise<void> {
    for (const { id } of prepared) {
      if ((await this.#target.commit(id)) !== 'unknown') continue
      throw new MillraceError(
        'SINK_DATA_LOSS',
        `${this.#kind}: transaction ${id} was prepared, and now it is neither there nor committed`,
        {
          details: { transaction: id },
          hint: 'Something else rolled it back, or it timed out: its timeout must be longer than the longest time that the job may be down. Restore an older checkpoint, or accept the gap and start fresh.',
        },
      )
    }
  }

  close(): Promise<void> {
    return this.#target.close()
  }
}
