/** One task of a page's main thread, in milliseconds: by the clock, and of the processor's time. */
export type Task = { readonly wall: number; readonly own: number }

type TraceEvent = {
  readonly name: string
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly dur?: number
  readonly tdur?: number
  readonly args?: { readonly name?: string }
}

/** The tasks of pages' main threads in a Chromium's trace. A task within another is part of that one. */
export const mainThreadTasks = (trace: Uint8Array): Task[] => {
  const { traceEvents } = JSON.parse(new TextDecoder().decode(trace)) as { traceEvents: TraceEvent[] }
  const threads = traceEvents.filter(
    ({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain',
  )
  return threads.flatMap(({ pid, tid }) => {
    let end = 0
    return traceEvents
      .filter((one) => one.pid === pid && one.tid === tid && one.ph === 'X' && one.name.endsWith('RunTask'))
      .sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))
      .flatMap(({ ts, dur = 0, tdur = 0 }) => {
        if (ts < end) return []
        end = ts + dur
        return [{ wall: dur / 1000, own: tdur / 1000 }]
      })
  })
}
