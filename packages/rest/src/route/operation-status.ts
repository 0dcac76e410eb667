/** How far an asynchronous operation is, in the form that Flink's clients ask for. Pure. */
import { type FailureJson, failureJson } from '../operation/failure.ts'
import type { OperationState } from '../operation/operation-store.ts'

export function statusJson<Result>(
  state: OperationState<Result>,
  completed: (result: Result) => object,
  failed: (failure: FailureJson) => object,
): object {
  switch (state.kind) {
    case 'in-progress':
      return { status: { id: 'IN_PROGRESS' }, operation: null }
    case 'completed':
      return { status: { id: 'COMPLETED' }, operation: completed(state.result) }
    case 'failed':
      return { status: { id: 'COMPLETED' }, operation: failed(failureJson(state.error)) }
  }
}
