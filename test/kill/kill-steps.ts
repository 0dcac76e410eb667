/**
 * The named steps at which the suite places a kill: what the engine does to which file, and whether the kill comes
 * before, within or after.
 */
import { UNALIGNED } from './surroundings.ts'

export interface KillStep {
  readonly name: string
  /** `<moment>:<operation>:<path>` of `MILLRACE_KILL_POINT`. */
  readonly point: string
  readonly reachedBy: 'any start' | 'recovery'
  /** About how often one process gets there; a kill is placed at one of these times. */
  readonly timesMax: number
  readonly configuration?: Readonly<Record<string, string>>
}

const LINEAGE = '/lineage\\.tmp$'
const SEGMENT = '\\.seg$'
const IN_FLIGHT = '-in-flight\\.seg$'
const SHARED = '/shared$'
const MANIFEST_TEMPORARY = '/_metadata\\.tmp$'
const MANIFEST = '/_metadata$'
const CHECKPOINT = '/chk-\\d+$'
const WINDOWS_PART = '/windows/\\.part-.*\\.tmp$'
const RUNNING_PART = '/running/\\.part-.*\\.tmp$'
const CONTINUED_PART = '/running/\\.part-.*c\\d+\\.tmp$'
const OUTPUT = '/output/windows$'

const step = (name: string, point: string, timesMax = 6): KillStep => ({
  name,
  point,
  reachedBy: 'any start',
  timesMax,
})
const recoveryStep = (name: string, point: string, timesMax = 1): KillStep => ({
  name,
  point,
  reachedBy: 'recovery',
  timesMax,
})

/** Each checkpoint then frees the segments of the one before. */
const BASES_ONLY = { 'execution.checkpointing.incremental': 'false' }

export const KILL_STEPS: readonly KillStep[] = [
  step('lineage: before rename', `before:rename:${LINEAGE}`, 1),
  step('lineage: after rename', `after:rename:${LINEAGE}`, 1),

  step('segment: before create', `before:create:${SEGMENT}`),
  step('segment: half written', `within:write:${SEGMENT}`),
  step('segment: before sync', `before:sync:${SEGMENT}`),
  step('segment: after sync', `after:sync:${SEGMENT}`),
  step('segment: before folder sync', `before:sync-created:${SHARED}`),
  step('segment: after folder sync', `after:sync-created:${SHARED}`),

  { ...step('in flight: before create', `before:create:${IN_FLIGHT}`, 3), configuration: UNALIGNED },
  { ...step('in flight: half written', `within:write:${IN_FLIGHT}`, 3), configuration: UNALIGNED },
  { ...step('in flight: after sync', `after:sync:${IN_FLIGHT}`, 3), configuration: UNALIGNED },

  step('manifest: before its folder', `before:make-folder:${CHECKPOINT}`),
  step('manifest: before create', `before:create:${MANIFEST_TEMPORARY}`),
  step('manifest: half written', `within:write:${MANIFEST_TEMPORARY}`),
  step('manifest: before sync', `before:sync:${MANIFEST_TEMPORARY}`),
  step('manifest: before rename', `before:rename:${MANIFEST_TEMPORARY}`),
  step('manifest: after rename', `after:rename:${MANIFEST_TEMPORARY}`),
  step('manifest: before folder sync', `before:sync-renamed:${CHECKPOINT}`),
  step('manifest: after folder sync', `after:sync-renamed:${CHECKPOINT}`),

  step('discard: before manifest removal', `before:remove:${MANIFEST}`, 4),
  step('discard: after manifest removal', `after:remove:${MANIFEST}`, 4),
  step('discard: after manifest removal is durable', `after:sync-removed:${CHECKPOINT}`, 4),
  { ...step('discard: before segment removal', `before:remove:${SEGMENT}`, 3), configuration: BASES_ONLY },
  { ...step('discard: after segment removal', `after:remove:${SEGMENT}`, 3), configuration: BASES_ONLY },
  step('discard: after folder removal', `after:remove-folder:${CHECKPOINT}`, 4),

  step('part: before create', `before:create:${WINDOWS_PART}`, 12),
  step('part: half written', `within:write:${WINDOWS_PART}`, 12),
  step('part: before sync', `before:sync:${WINDOWS_PART}`, 12),
  step('part: after sync', `after:sync:${WINDOWS_PART}`, 12),
  step('part: before folder sync', `before:sync-created:${OUTPUT}`, 3),
  step('part: after folder sync', `after:sync-created:${OUTPUT}`, 3),
  step('open part: half written', `within:write:${RUNNING_PART}`, 12),
  step('open part: before sync', `before:sync:${RUNNING_PART}`),
  step('open part: after sync', `after:sync:${RUNNING_PART}`),

  step('commit: before the first rename', `before:rename:${WINDOWS_PART}`, 1),
  step('commit: before a rename', `before:rename:${WINDOWS_PART}`, 20),
  step('commit: between two renames', `before:rename-next:${WINDOWS_PART}`, 12),
  step('commit: after a rename', `after:rename:${WINDOWS_PART}`, 20),
  step('commit: before its folder sync', `before:sync-renamed:${OUTPUT}`, 3),
  step('commit: after its folder sync, before it is acknowledged', `after:sync-renamed:${OUTPUT}`, 3),

  recoveryStep('recovery: before a segment is read', `before:open-read:${SEGMENT}`, 2),
  recoveryStep('recovery: before an open part is copied', `before:create:${CONTINUED_PART}`),
  recoveryStep('recovery: half of an open part copied', `within:write:${CONTINUED_PART}`),
  recoveryStep('recovery: before the removal of an unfinished part', 'before:remove:/\\.part-.*\\.tmp$'),
  recoveryStep('recovery: before a continued part replaces its original', `before:sync:${CONTINUED_PART}`),
]
