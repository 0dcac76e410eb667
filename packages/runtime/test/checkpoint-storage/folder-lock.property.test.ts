/**
 * Processes that start, die, let go and start again, with every step of theirs (also the question whether another one
 * lives) in any order: never do two of them hold the lock, and whoever holds it finds its name in the file.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { DiskTraffic, Life, SeededRandom, SimulatedDisk } from '@millrace/testing'
import fc from 'fast-check'
import { FolderLock, LOCK_FILE } from '../../src/checkpoint-storage/folder-lock.ts'
import type { ProcessIdentity } from '../../src/checkpoint-storage/process-identity.ts'

const LOCK_PATH = `f/${LOCK_FILE}`
const STARTS_MAX = 7
const ACTIONS_MAX = 2_000

interface Starter {
  readonly identity: ProcessIdentity
  readonly life: Life
  lock: FolderLock | undefined
}

class Machine {
  readonly #random: SeededRandom
  readonly #traffic = new DiskTraffic()
  readonly #disk: SimulatedDisk
  readonly #running: Starter[] = []
  /** Questions whether a process lives, each answered as it is when it is answered. */
  readonly #questions: { readonly life: Life; answer(): void }[] = []
  /** How likely each action is to be something else than a step of a process. */
  readonly #chances: { readonly start: number; readonly death: number; readonly release: number; readonly jump: number }
  #nowMs = 100_000
  #starts = 0
  acquired = 0

  constructor(seed: number) {
    const random = new SeededRandom(seed)
    this.#random = random
    this.#chances = {
      start: random.pick([0.05, 0.2, 0.5]),
      death: random.pick([0.01, 0.05]),
      release: random.pick([0.02, 0.3, 1]),
      jump: random.pick([0, 0.02, 0.2]),
    }
    this.#disk = new SimulatedDisk({
      random: () => this.#random.fraction(),
      schedule: this.#traffic.schedule,
      now: () => this.#nowMs,
    })
  }

  async run(): Promise<void> {
    const files = this.#traffic.filesOf(new Life(), this.#disk.mount())
    await this.#settle(files.makeFolder('f'))
    // The one that all others find dead.
    const first = this.#start()
    while (first.lock === undefined) await this.#completeOne()
    this.#end(first)
    for (let actions = 0; this.#starts < STARTS_MAX || this.#running.length > 0; actions++) {
      assert.ok(actions < ACTIONS_MAX, 'the processes come to no end')
      await this.#act()
      this.#check()
    }
    // Whatever was left behind, the next one gets in and clears it away.
    this.#nowMs += 60_000
    const last = this.#start()
    while (last.lock === undefined) {
      assert.ok(last.life.isAlive, 'the last one does not get the lock')
      await this.#completeOne()
    }
    assert.deepEqual([...this.#disk.contents().keys()], [LOCK_PATH])
  }

  #start(): Starter {
    const number = ++this.#starts
    // Ids are used again soon.
    const identity = { pid: 1 + (number % 3), startedAt: `start ${number}`, host: 'here' }
    const starter: Starter = { identity, life: new Life(), lock: undefined }
    this.#running.push(starter)
    FolderLock.acquire({
      files: this.#traffic.filesOf(starter.life, this.#disk.mount()),
      folder: 'f',
      self: identity,
      processes: { isAlive: (other) => this.#ask(starter.life, other) },
      now: () => this.#nowMs,
    }).then(
      (lock) => {
        starter.lock = lock
        this.acquired++
      },
      () => this.#end(starter),
    )
    return starter
  }

  #ask(life: Life, { pid, startedAt }: ProcessIdentity): Promise<boolean> {
    return new Promise((resolve) => {
      const answer = (): void =>
        resolve(this.#running.some(({ identity }) => identity.pid === pid && identity.startedAt === startedAt))
      this.#questions.push({ life, answer })
    })
  }

  #end(starter: Starter): void {
    starter.life.end()
    this.#traffic.abandon(starter.life)
    this.#running.splice(this.#running.indexOf(starter), 1)
  }

  async #act(): Promise<void> {
    const random = this.#random
    this.#nowMs += random.chance(this.#chances.jump) ? random.below(12_000) : random.below(5)
    const holder = this.#running.find(({ lock }) => lock !== undefined)
    if (this.#starts < STARTS_MAX && random.chance(this.#running.length === 0 ? 1 : this.#chances.start)) this.#start()
    else if (holder !== undefined && random.chance(this.#chances.release)) this.#letGo(holder)
    else if (this.#running.length > 0 && random.chance(this.#chances.death)) this.#end(random.pick(this.#running))
    else await this.#completeOne()
  }

  #letGo(holder: Starter): void {
    const { lock } = holder
    holder.lock = undefined
    const end = (): void => {
      if (holder.life.isAlive) this.#end(holder)
    }
    lock?.release().then(end, end)
  }

  async #completeOne(): Promise<void> {
    const waiting = this.#traffic.waiting.length
    const chosen = this.#random.below(Math.max(1, waiting + this.#questions.length))
    if (chosen < waiting) this.#traffic.complete(chosen)
    else for (const { life, answer } of this.#questions.splice(chosen - waiting, 1)) if (life.isAlive) answer()
    await setImmediate()
  }

  async #settle(act: Promise<void>): Promise<void> {
    while (this.#traffic.waiting.length > 0) await this.#completeOne()
    await act
  }

  #check(): void {
    const holders = this.#running.filter(({ lock }) => lock !== undefined)
    assert.ok(holders.length <= 1, `${holders.map(({ identity }) => identity.startedAt).join(' and ')} hold the lock`)
    for (const { identity } of holders) {
      const text = new TextDecoder().decode(this.#disk.contents().get(LOCK_PATH))
      assert.ok(
        text.includes(`"${identity.startedAt}"`),
        `${identity.startedAt} holds the lock, and the file says ${text}`,
      )
    }
  }
}

test('of processes that start, die and let go in any order one at most holds the lock', async () => {
  let acquired = 0
  await fc.assert(
    fc.asyncProperty(fc.integer(), async (seed) => {
      const machine = new Machine(seed)
      await machine.run()
      acquired += machine.acquired
    }),
    { numRuns: 3_000 },
  )
  assert.ok(acquired > 2 * 3_000, `${acquired}`)
})
