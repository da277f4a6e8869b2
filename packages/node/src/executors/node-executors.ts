import type { Hex } from '@lockstep/proof'
import { describeFault, type Fault, fail, ok, type Result } from '@lockstep/tensor'
import type { Logger } from 'pino'
import { type ExecutorChoice, type ExecutorId, isDevice } from './id.ts'
import { type KnownExecutor, type KnownSpeed, MOST_SPEEDS, readKnowledge, writeKnowledge } from './known.ts'
import { type ExecutorInfo, fingerprint, processors } from './machine.ts'
import { executorProbe, mayHaveDevices, type Probe } from './probe.ts'

/** What a slice is carried out on. */
export type Lease = {
  /** A device, held for this work alone; undefined for the processor, which all work shares. */
  readonly on: ExecutorId | undefined
  readonly release: () => void
}

/** Units a second of a program on an executor, measured just now; a fault where it cannot run there. */
export type Measure = (on: ExecutorId | undefined) => Promise<Result<number>>

/** The executors of a node: what it has, what has proven itself, and which is the fastest for a program. */
export type NodeExecutors = {
  /** When every device has proven itself, or has not. */
  readonly ready: Promise<void>
  /** All devices that were asked, with the result of their conformance run. */
  readonly devices: () => readonly KnownExecutor[]
  /**
   * Units a second that one of `runs` slices of the slowest of these programs may count on, and on what; undefined
   * until that is known. Where there are more slices than devices the rest computes on the processor.
   */
  readonly speed: (
    programs: readonly Hex[],
  ) => { readonly name: string; readonly unitsPerSecond: number } | undefined
  /** The fastest free executor for a program. Those that never met it are measured first, where there is a choice. */
  readonly lease: (program: Hex, measure: Measure) => Promise<Lease>
  /** What a run has shown. */
  readonly ran: (on: ExecutorId | undefined, program: Hex, unitsPerSecond: number) => void
  /** A device failed at a program: it does not get it again, and is proven again before it gets another. */
  readonly failed: (on: ExecutorId, program: Hex, why: string) => void
  /** Waits for what is being asked and written, after the signal has ended it. */
  readonly close: () => Promise<void>
}

export type ExecutorsOptions = {
  readonly choice: ExecutorChoice
  readonly threads: number
  /** Slices at a time. */
  readonly runs: number
  /** Where proofs and measurements are kept between starts. */
  readonly file: string
  /** What was measured of the processor. */
  readonly processor: () => { readonly executor: string; readonly unitsPerSecond: number } | undefined
  /** Told when something is known that was not. */
  readonly changed: () => void
  readonly log: Pick<Logger, 'info' | 'warn'>
  readonly signal: AbortSignal
  readonly probe?: Probe
  /** Whether drivers are asked at all where nobody has named a device. */
  readonly mayHaveDevices?: () => boolean
}

type Device = { known: KnownExecutor; isHeld: boolean; isAside: boolean }

/** Opens what a node computes on. Devices prove themselves meanwhile; one that was named and is not there is a fault. */
export const openExecutors = async (options: ExecutorsOptions): Promise<Result<NodeExecutors>> => {
  const { choice, threads, runs, file, processor, changed, log, signal, probe = executorProbe } = options
  const named = choice === 'auto' ? undefined : choice
  if (named !== undefined && !isDevice(named)) {
    const { found, missing } = processors()
    if (!found.some(({ id }) => id === named)) return fail(absent(named, found, missing[0]!.why))
  }
  let listed: readonly ExecutorInfo[] | undefined
  if (named !== undefined && isDevice(named)) {
    const { found, missing } = await probe.list(signal)
    listed = found.filter(({ id }) => id === named)
    const kinds = missing.filter(({ kind }) => kind === 'devices' || named.startsWith(kind))
    if (listed.length === 0) return fail(absent(named, found, kinds.map(({ why }) => why).join('; ')))
  }
  const kept = await readKnowledge(file)
  const devices = new Map<ExecutorId, Device>()
  const speeds = new Map<string, KnownSpeed>()
  for (const speed of kept.speeds) speeds.set(nameOf(speed.program, speed.on), speed)
  const failures = new Set<string>()
  let isReady = false

  let writing: Promise<void> = Promise.resolve()
  const keep = (): void => {
    if (signal.aborted) return
    const known = {
      executors: [...devices.values()].map((device) => device.known),
      speeds: [...speeds.values()].slice(-MOST_SPEEDS),
    }
    writing = writing
      .then(() => writeKnowledge(file, known))
      .catch((error: Error) => log.warn({ err: error }, `executors are not kept: ${error.message}`))
  }

  const prove = async (info: ExecutorInfo, isFresh: boolean): Promise<void> => {
    const print = fingerprint(info)
    const old = kept.executors.find((known) => known.fingerprint === print && known.conforms)
    const proven = (!isFresh && old) || { ...info, ...(await probe.prove(info.id, threads, { signal })) }
    if (signal.aborted) return
    const known: KnownExecutor = { ...proven, fingerprint: print }
    const isHeld = devices.get(info.id)?.isHeld ?? false
    devices.set(info.id, { known, isHeld, isAside: !known.conforms })
    const { id, name, driver, conforms, cases, digest, why, multiplyAdds } = known
    const fields = { executor: id, device: name, driver, conforms, cases, digest, why, multiplyAdds }
    if (conforms) log.info(fields, `${id} (${name}) conforms in ${cases} cases`)
    else log.warn(fields, `${id} (${name}) does not conform and is never used: ${why}`)
    keep()
  }
  const begin = async (): Promise<void> => {
    if (named !== undefined && !isDevice(named)) return
    if (listed === undefined) {
      if (!(options.mayHaveDevices ?? mayHaveDevices)()) return
      const { found } = await probe.list(signal)
      // What the processor plays is never faster than what the processor does.
      listed = found.filter(({ id, software }) => isDevice(id) && !software)
    }
    for (const info of listed) if (!signal.aborted) await prove(info, false)
  }
  const ready = begin()
    .catch((error: Error) => log.warn({ err: error }, `devices: ${error.message}`))
    .then(() => {
      isReady = true
      changed()
    })

  const speedAt = (on: ExecutorId | undefined, program: Hex): number | undefined => {
    const known = speeds.get(nameOf(program, on ?? 'processor'))
    return known !== undefined && known.fingerprint === printOf(on) ? known.unitsPerSecond : undefined
  }
  const printOf = (on: ExecutorId | undefined): string | undefined =>
    on === undefined
      ? (processor()?.executor ?? 'unmeasured').slice(0, 64)
      : devices.get(on)?.known.fingerprint
  const learn = (on: ExecutorId | undefined, program: Hex, unitsPerSecond: number): void => {
    const print = printOf(on)
    if (print === undefined) return
    const name = nameOf(program, on ?? 'processor')
    speeds.delete(name)
    speeds.set(name, { program, on: on ?? 'processor', fingerprint: print, unitsPerSecond })
    for (const oldest of speeds.keys()) {
      if (speeds.size <= MOST_SPEEDS) break
      speeds.delete(oldest)
    }
    keep()
    changed()
  }
  const failed = (on: ExecutorId, program: Hex, why: string): void => {
    failures.add(nameOf(program, on))
    const device = devices.get(on)
    log.warn({ executor: on, program, why }, `${on} is proven again before it is used again: ${why}`)
    if (!device || device.isAside) return
    device.isAside = true
    void prove(device.known, true)
      .catch(() => {})
      .then(changed)
  }
  const usable = (program: Hex | undefined): ExecutorId[] =>
    [...devices]
      .filter(([id, { isAside }]) => !isAside && !(program && failures.has(nameOf(program, id))))
      .map(([id]) => id)
  const generalOf = (on: ExecutorId | undefined): number =>
    (on === undefined ? processor()?.unitsPerSecond : devices.get(on)?.known.unitsPerSecond) ?? 0

  let turn: Promise<unknown> = Promise.resolve()
  const choose = async (program: Hex, measure: Measure): Promise<ExecutorId | undefined> => {
    await ready
    const free = usable(program).filter((id) => !devices.get(id)!.isHeld)
    if (free.length === 0 || named !== undefined) return free[0]
    const candidates: (ExecutorId | undefined)[] = [...free, undefined]
    for (const on of candidates) {
      if (speedAt(on, program) !== undefined) continue
      const measured = await measure(on)
      if (signal.aborted) return undefined
      if (measured.ok) {
        log.info({ executor: on ?? 'processor', program, unitsPerSecond: measured.value }, 'measured')
        learn(on, program, measured.value)
      } else if (on !== undefined) failed(on, program, describeFault(measured.fault))
    }
    return fastestOf(
      [...usable(program).filter((id) => free.includes(id)), undefined].map((on) => ({
        on,
        unitsPerSecond: speedAt(on, program) ?? 0,
      })),
    ).on
  }

  return ok({
    ready,
    devices: () => [...devices.values()].map(({ known }) => known),
    speed: (programs) => {
      const base = processor()
      if (!isReady || base === undefined) return undefined
      let found: { readonly name: string; readonly unitsPerSecond: number } | undefined
      for (const program of programs.length > 0 ? programs : [undefined]) {
        const at = (on: ExecutorId | undefined): number => (program && speedAt(on, program)) ?? generalOf(on)
        const own = usable(program).map((on) => ({
          on: on as ExecutorId | undefined,
          unitsPerSecond: at(on),
        }))
        // Without a device the processor's measurement stands as it is: its speed at one program says little of others.
        const rest = { on: undefined, unitsPerSecond: own.length === 0 ? base.unitsPerSecond : at(undefined) }
        const slots = promised(
          named === undefined ? [...own, ...Array(runs).fill(rest)] : [...own, rest],
          runs,
          named !== undefined,
        )
        if (found !== undefined && found.unitsPerSecond <= slots.unitsPerSecond) continue
        const device = slots.on && devices.get(slots.on)
        const name = device ? `${slots.on} ${device.known.name}` : base.executor
        found = { name, unitsPerSecond: slots.unitsPerSecond }
      }
      return found
    },
    lease: async (program, measure) => {
      const chosen = turn
        .then(() => choose(program, measure))
        .then((on) => {
          const device = on && devices.get(on)
          if (device) device.isHeld = true
          return on
        })
      turn = chosen.catch(() => {})
      const on = await chosen
      return {
        on,
        release: () => {
          const device = on && devices.get(on)
          if (device) device.isHeld = false
        },
      }
    },
    ran: learn,
    failed,
    close: async () => {
      await ready
      await turn
      await writing
    },
  })
}

export type Slot = { readonly on: ExecutorId | undefined; readonly unitsPerSecond: number }

/** The fastest; between equals the first. */
export const fastestOf = (slots: readonly Slot[]): Slot =>
  slots.reduce((best, slot) => (slot.unitsPerSecond > best.unitsPerSecond ? slot : best))

/**
 * What the slowest of so many slices beside each other gets: the fastest executors are taken first, or those that were
 * named, in their order.
 */
export const promised = (slots: readonly Slot[], runs: number, isNamed: boolean): Slot => {
  const order = isNamed ? [...slots] : [...slots].sort((a, b) => b.unitsPerSecond - a.unitsPerSecond)
  const taken = order.slice(0, Math.max(1, runs))
  return taken.reduce((slowest, slot) => (slot.unitsPerSecond < slowest.unitsPerSecond ? slot : slowest))
}

const nameOf = (program: Hex, on: ExecutorId | 'processor'): string => `${program} ${on}`

const absent = (named: ExecutorId, found: readonly ExecutorInfo[], why: string): Fault => ({
  code: 'executor-missing',
  field: 'executor',
  value: why === '' ? named : `${named}, but ${why}`,
  limit: `auto, ${found.map(({ id }) => id).join(', ')}`,
  remedy: '`lockstep devices` shows what this machine has.',
})
