/** A physical plan for people: each vertex with its steps, where its input comes from, and what the job will need. */
import { type PhysicalPlan, type PlanEdge, type PlanStep, type PlanVertex, slotsNeeded } from '@millrace/core'
import { asOneLine } from '../text/fit-text.ts'
import { formatDuration } from '../text/format-quantity.ts'
import type { Paint } from '../text/paint.ts'

export function renderPlan(plan: PhysicalPlan, paint: Paint): readonly string[] {
  const numbers = new Map(plan.vertices.map((vertex, index) => [vertex.id, index + 1]))
  return [
    `${paint('strong', `Job "${asOneLine(plan.jobName)}"`)}  ${paint('faint', `graph ${plan.graphHash}`)}`,
    ...plan.vertices.flatMap((vertex) => ['', ...renderVertex(vertex, plan, numbers, paint)]),
    '',
    renderSlots(plan),
    ...plan.warnings.map((warning) => `${paint('warning', 'warning')} ${asOneLine(warning)}`),
  ]
}

function renderVertex(
  vertex: PlanVertex,
  plan: PhysicalPlan,
  numbers: ReadonlyMap<string, number>,
  paint: Paint,
): readonly string[] {
  const group = vertex.slotSharingGroup === 'default' ? '' : `, slot sharing group "${vertex.slotSharingGroup}"`
  return [
    `${paint('strong', `${numbers.get(vertex.id)}. ${asOneLine(vertex.name)}`)}` +
      `  parallelism ${vertex.parallelism} of ${vertex.maxParallelism}${group}  ${paint('faint', vertex.id)}`,
    ...plan.edges
      .filter((edge) => edge.to === vertex.id)
      .map((edge) => `   from ${numbers.get(edge.from)}${renderOrigin(edge, plan)}  ${renderPartitioning(edge)}`),
    ...vertex.steps.flatMap((step) => renderStep(step, paint)),
  ]
}

function renderOrigin(edge: PlanEdge, plan: PhysicalPlan): string {
  if (edge.sideOutput === undefined) return ''
  const step = plan.vertices.find((vertex) => vertex.id === edge.from)?.steps[edge.fromStep]
  return `, side output "${edge.sideOutput}" of ${step?.name}`
}

function renderPartitioning({ partitioning }: PlanEdge): string {
  if (partitioning.kind !== 'hash') return partitioning.kind
  const by = partitioning.field === undefined ? 'hash by a function' : `hash by "${partitioning.field}"`
  return partitioning.combines === true ? `${by}, combined before` : by
}

function renderStep(step: PlanStep, paint: Paint): readonly string[] {
  const uid = step.uidIsDerived ? `${step.uid} (derived)` : step.uid
  const kind = step.name === step.kind ? step.kind : `${step.kind} "${asOneLine(step.name)}"`
  return [
    `   ${kind}  ${paint('faint', `uid ${asOneLine(uid)}`)}`,
    ...describeStep(step).map((line) => `      ${line}`),
  ]
}

type Facts = Readonly<Record<string, unknown>>

/** One line per thing worth knowing of a step. */
function describeStep({ kind, facts }: PlanStep): readonly string[] {
  const side = Array.isArray(facts.sideOutputs) ? [`side outputs ${facts.sideOutputs.join(', ')}`] : []
  switch (kind) {
    case 'source':
      return [
        `${facts.source}, ${facts.boundedness}${facts.replayable === true ? '' : ', not replayable'}${describeOptions(facts)}`,
        facts.watermarks === null ? 'no event time' : `watermarks ${facts.watermarks}${describeIdle(facts)}`,
        ...side,
      ]
    case 'sink':
      return [`${facts.sink}, ${facts.guarantee}${describeOptions(facts)}`]
    case 'window':
      return [`${describeWindow(facts)}, by ${describeKey(facts)}`, `aggregate ${facts.aggregate}`, ...side]
    case 'keyedAggregate':
      return [`by ${describeKey(facts)}`, `state: aggregate ${facts.aggregate}`]
    case 'keyedReduce':
      return [`by ${describeKey(facts)}`, 'state: the value so far']
    case 'keyedProcess':
      return [`by ${describeKey(facts)}`, ...describeStates(facts), ...side]
    default:
      return side
  }
}

function describeKey({ key }: Facts): string {
  return typeof key === 'string' ? `"${key}"` : 'a function'
}

function describeWindow(facts: Facts): string {
  const every = facts.window === 'sliding' ? ` every ${formatDuration(Number(facts.slideMs))}` : ''
  const late = Number(facts.allowedLatenessMs)
  const offset = Number(facts.offsetMs)
  return (
    `${facts.window} window of ${formatDuration(Number(facts.sizeMs))}${every}` +
    `${offset > 0 ? `, offset ${formatDuration(offset)}` : ''}${late > 0 ? `, allowed lateness ${formatDuration(late)}` : ''}`
  )
}

function describeIdle({ idleTimeoutMs }: Facts): string {
  return typeof idleTimeoutMs === 'number' ? `, idle after ${formatDuration(idleTimeoutMs)}` : ''
}

function describeStates({ states }: Facts): readonly string[] {
  return Object.entries((states ?? {}) as Readonly<Record<string, Facts>>).map(([name, { kind, version, ttlMs }]) => {
    const ttl = typeof ttlMs === 'number' ? `, expires after ${formatDuration(ttlMs)}` : ''
    return `state ${name}: ${kind}${version === 1 ? '' : ` version ${version}`}${ttl}`
  })
}

function describeOptions({ options }: Facts): string {
  const entries = Object.entries((options ?? {}) as Facts).filter(([, value]) => value !== undefined)
  if (entries.length === 0) return ''
  return `  ${entries.map(([name, value]) => `${name}=${asOneLine(typeof value === 'string' ? value : JSON.stringify(value))}`).join(' ')}`
}

function renderSlots(plan: PhysicalPlan): string {
  const slots = [...slotsNeeded(plan)]
  const total = slots.reduce((sum, [, count]) => sum + count, 0)
  const groups = slots.length > 1 ? ` (${slots.map(([group, count]) => `${group} ${count}`).join(', ')})` : ''
  const tasks = plan.vertices.reduce((sum, vertex) => sum + vertex.parallelism, 0)
  return `Needs ${total} ${total === 1 ? 'slot' : 'slots'}${groups} for ${tasks} ${tasks === 1 ? 'task' : 'tasks'}.`
}
