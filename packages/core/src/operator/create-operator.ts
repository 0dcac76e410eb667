/** From a step of the logical graph to the operator that runs it. */
import { type LogicalNode, MillraceError } from '@millrace/api'
import { FlatMapOperator } from './flat-map.ts'
import { KeyedAggregateOperator, KeyedReduceOperator } from './keyed-fold.ts'
import { KeyedProcessOperator } from './keyed-process.ts'
import type { Operator } from './operator.ts'
import { ProcessOperator } from './process.ts'
import { WindowAggregateOperator } from './window-aggregate.ts'

/** A new operator, not yet opened. Maps and filters are fused (`chain/fused-steps.ts`), sources and sinks belong to the host. */
export function createOperator(node: LogicalNode): Operator {
  const { spec } = node
  switch (spec.kind) {
    case 'flatMap':
      return new FlatMapOperator(spec)
    case 'process':
      return new ProcessOperator(spec)
    case 'keyedProcess':
      return new KeyedProcessOperator(spec)
    case 'keyedReduce':
      return new KeyedReduceOperator(spec)
    case 'keyedAggregate':
      return new KeyedAggregateOperator(spec)
    case 'window':
      return new WindowAggregateOperator(spec)
    case 'map':
    case 'filter':
    case 'source':
    case 'sink':
      throw new MillraceError(
        'INTERNAL',
        `Step "${node.name}" of kind ${spec.kind} does not run as an operator of its own.`,
      )
  }
}
