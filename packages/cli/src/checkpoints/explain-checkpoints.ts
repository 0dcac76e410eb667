/** Retained checkpoints in sentences: what was kept and why, and what must not be deleted. Pure. */
import { type CheckpointContents, DELTA_SHARE_MAX, DELTAS_MAX, LIVE_SHARE_MIN, type SharedBytes } from '@millrace/core'
import type { InspectedCheckpoints } from '@millrace/runtime'
import { formatBytes } from '../text/format-quantity.ts'

/** A paragraph for each checkpoint, then one for the folder. */
export function explainCheckpoints({
  contents,
  damaged,
  unnamedBytes,
  isNamed,
}: InspectedCheckpoints): readonly string[] {
  const isFolder = !isNamed && contents.some(({ kind }) => kind === 'checkpoint')
  const retained = new Set(contents.map(({ checkpointId }) => checkpointId))
  const newest = newestUsable(contents, damaged)
  const paragraphs = contents.map((each) =>
    [
      ...explainContents(each),
      ...(isFolder ? explainGone(each, retained) : []),
      ...explainRemoval(each),
      ...(isFolder && each === newest ? [explainNewest(contents.at(-2))] : []),
    ].join(' '),
  )
  return [
    ...paragraphs,
    ...damaged.map(
      ({ checkpointId }) =>
        `Checkpoint ${checkpointId} cannot be restored. As long as its manifest lies there, no segment file that it might name is removed.`,
    ),
    ...(isFolder ? [explainFolder(contents.length, unnamedBytes)] : []),
  ]
}

function explainContents(contents: CheckpointContents): readonly string[] {
  const { checkpointId, kind, stateBytes, ownBytes, ownBases, ownDeltas, reused, deltasMax, isFinal, inFlightBytes } =
    contents
  const name = kind === 'savepoint' ? `The savepoint (number ${checkpointId})` : `Checkpoint ${checkpointId}`
  const ending = isFinal
    ? [
        `${name} is final: all input had ended, so a restore only commits what is pending. If the input was drained (stop --drain), a start that names it with -s reads on.`,
      ]
    : []
  if (inFlightBytes > 0) {
    ending.push(
      `${name} holds ${formatBytes(inFlightBytes)} of records in flight, which its barriers had overtaken: a restore works them off first.`,
    )
  }
  if (stateBytes === 0) {
    return [
      ...ending,
      `${name} holds no keyed state: positions of sources and what sinks prepared are in its manifest.`,
    ]
  }
  if (kind === 'savepoint') {
    return [...ending, `${name} owns all ${formatBytes(stateBytes)} that it names: its folder can be moved anywhere.`]
  }
  if (reused.length === 0) {
    return [
      ...ending,
      `${name} stands alone: it wrote all ${formatBytes(stateBytes)} of its state, ${count(ownBases, 'key group')} as bases.`,
    ]
  }
  const first = reused[0] as SharedBytes
  return [
    ...ending,
    `${name} is incremental: it wrote ${formatBytes(ownBytes)} (${count(ownBases, 'base')}, ${count(ownDeltas, 'delta')}: the keys that had changed) and refers to ${formatBytes(bytesOf(reused))} that ${listed(reused)} wrote.`,
    `A restore reads one base for each key group and at most ${count(deltasMax, 'delta')} over it; nothing that a checkpoint before ${first.checkpointId} wrote is needed any more.`,
  ]
}

/** Its bytes live on, itself it does not. */
function explainGone({ reused }: CheckpointContents, retained: ReadonlySet<number>): readonly string[] {
  const gone = reused.filter(({ checkpointId }) => !retained.has(checkpointId))
  if (gone.length === 0) return []
  const [who, what] = gone.length === 1 ? ['itself is', 'it'] : ['themselves are', 'they']
  return [`${capital(listed(gone))} ${who} no longer there; of what ${what} wrote, the part that is referred to stays.`]
}

function explainRemoval(contents: CheckpointContents): readonly string[] {
  const { kind, checkpointId, neededBy, neededBytes, freedBytes, ownFiles } = contents
  if (kind === 'savepoint') return []
  const freed =
    freedBytes > 0
      ? `If it is deleted, ${formatBytes(freedBytes)} in ${count(ownFiles, 'file')} go with it.`
      : 'If it is deleted, nothing goes but its manifest.'
  if (neededBy.length === 0) return [freed]
  return [
    freed,
    `${formatBytes(neededBytes)} that ${checkpointId} wrote must stay: without them ${listed(neededBy)} could not be restored. The engine keeps them; a hand in the folder shared/ would not.`,
  ]
}

/** What `--resume` takes; nothing, where a damaged one is newer. */
function newestUsable(
  contents: InspectedCheckpoints['contents'],
  damaged: InspectedCheckpoints['damaged'],
): CheckpointContents | undefined {
  const newest = contents.at(-1)
  return damaged.some(({ checkpointId }) => checkpointId > (newest?.checkpointId ?? 0)) ? undefined : newest
}

/** Nothing else breaks without it, but the job goes back in time. */
function explainNewest(before: CheckpointContents | undefined): string {
  const without =
    before === undefined
      ? 'there would be nothing to go on from but what the job was started with'
      : `the job could only go back to checkpoint ${before.checkpointId} and give up what it has written since (--discard-newer)`
  return `It is the newest, from which --resume goes on: without it ${without}.`
}

function explainFolder(kept: number, unnamedBytes: number): string {
  const dead =
    unnamedBytes > 0
      ? ` ${formatBytes(unnamedBytes)} in the files are named by none: a file goes when nothing in it is named, and one that is named for less than ${percent(LIVE_SHARE_MIN)} is emptied by writing what is left of it anew.`
      : ''
  return `${count(kept, 'checkpoint')} ${kept === 1 ? 'is' : 'are'} kept: execution.checkpointing.num-retained says how many, and one that the job was restored from by name stays too. Not all increments are kept: a key group is written whole again when its deltas come to ${percent(DELTA_SHARE_MAX)} of its base or are ${DELTAS_MAX}, and what came before is then no longer named.${dead}`
}

function listed(shared: readonly SharedBytes[]): string {
  const ids = shared.map(({ checkpointId }) => String(checkpointId))
  const [last] = ids.slice(-1)
  return ids.length === 1 ? `checkpoint ${last}` : `checkpoints ${ids.slice(0, -1).join(', ')} and ${last}`
}

function bytesOf(shared: readonly SharedBytes[]): number {
  return shared.reduce((sum, { bytes }) => sum + bytes, 0)
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

function percent(share: number): string {
  return `${share * 100} %`
}
