/**
 * What is on a simulated disk: files and folders, each with what everybody sees now and what would survive a crash.
 * No operations, no time; see `simulated-disk.ts`.
 */

/** A change of the names in one folder, or of two by one rename; kept or lost as a whole by a crash. */
export interface NameChange {
  readonly edits: readonly { readonly folder: FolderNode; readonly name: string; readonly node: Node | undefined }[]
  isSettled: boolean
}

export type Node = FileNode | FolderNode

export class FileNode {
  readonly kind = 'file'
  /** What reads see. */
  current: Uint8Array = new Uint8Array(0)
  modifiedMs: number
  /** What a crash leaves for certain. */
  #durable: Uint8Array = new Uint8Array(0)
  /** The file was emptied since the last sync: the old bytes may come back. */
  #wasEmptied = false
  /** Bytes that a failed sync lost; a later sync does not bring them back. */
  #lost: { readonly from: number; readonly to: number }[] = []

  constructor(modifiedMs: number) {
    this.modifiedMs = modifiedMs
  }

  append(bytes: Uint8Array): void {
    const grown = new Uint8Array(this.current.length + bytes.length)
    grown.set(this.current)
    grown.set(bytes, this.current.length)
    this.current = grown
  }

  empty(): void {
    this.current = new Uint8Array(0)
    this.#wasEmptied = true
    this.#lost = []
  }

  sync(): void {
    this.#durable = this.current.slice()
    this.#wasEmptied = false
    for (const { from, to } of this.#lost) this.#durable.fill(0, from, to)
  }

  /** A failed sync: the system drops some of what was not yet durable and thinks that it is clean. */
  failSync(random: () => number): void {
    const start = this.#wasEmptied ? 0 : this.#durable.length
    const unsynced = this.current.length - start
    if (unsynced <= 0) return
    const from = start + Math.floor(random() * unsynced)
    this.#lost.push({ from, to: from + 1 + Math.floor(random() * (this.current.length - from)) })
  }

  /** The bytes after a crash: what was synced, and of the rest nothing, a part, or a part with holes. */
  afterCrash(random: () => number): void {
    const start = this.#wasEmptied ? 0 : this.#durable.length
    const isUnsynced = this.#wasEmptied || this.current.length > start
    if (isUnsynced && !(this.#wasEmptied && random() < 0.4)) {
      const kept = start + Math.floor(random() * (this.current.length - start + 1))
      const survived = this.current.slice(0, kept)
      survived.set(this.#durable.subarray(0, Math.min(start, kept)))
      for (const { from, to } of this.#lost) survived.fill(0, from, Math.min(to, kept))
      // The length may reach the disk before the bytes.
      if (kept > start && random() < 0.3) survived.fill(0, start + Math.floor(random() * (kept - start)))
      this.#durable = survived
    }
    this.current = this.#durable.slice()
    this.sync()
    this.#lost = []
  }

  /** Changes a byte everywhere, as a bad sector does. */
  corrupt(offset: number): void {
    this.current[offset] = (this.current[offset] ?? 0) ^ 0xff
    this.sync()
  }
}

export class FolderNode {
  readonly kind = 'folder'
  readonly entries = new Map<string, Node>()
  readonly durableEntries = new Map<string, Node>()
  /** Changes since the last sync, oldest first. */
  changes: NameChange[] = []

  change(edits: NameChange['edits']): void {
    const change: NameChange = { edits, isSettled: false }
    for (const { folder, name, node } of edits) {
      if (node === undefined) folder.entries.delete(name)
      else folder.entries.set(name, node)
      if (!folder.changes.includes(change)) folder.changes.push(change)
    }
  }

  /** Makes all names durable; a rename into or out of another folder is durable as a whole. */
  sync(): void {
    for (const change of this.changes) settle(change, true)
    this.changes = []
  }

  afterCrash(random: () => number): void {
    this.#settleNames(random)
    this.entries.clear()
    for (const [name, node] of this.durableEntries) {
      this.entries.set(name, node)
      node.afterCrash(random)
    }
  }

  #settleNames(random: () => number): void {
    for (const change of this.changes) settle(change, random() < 0.5)
    this.changes = []
    for (const node of this.entries.values()) if (node.kind === 'folder') node.#settleNames(random)
  }
}

function settle(change: NameChange, isKept: boolean): void {
  if (change.isSettled) return
  change.isSettled = true
  if (!isKept) return
  for (const { folder, name, node } of change.edits) {
    if (node === undefined) folder.durableEntries.delete(name)
    else folder.durableEntries.set(name, node)
  }
}
