import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mainThreadTasks } from './main-thread.ts'

test('tasks of the main thread are told once each, and those of other threads are not', () => {
  const thread = (pid: number, tid: number, name: string) => ({
    ...{ name: 'thread_name', ph: 'M', pid, tid, ts: 0 },
    args: { name },
  })
  const task = (
    pid: number,
    tid: number,
    ts: number,
    dur: number,
    name = 'ThreadControllerImpl::RunTask',
  ) => ({
    ...{ name, ph: 'X', pid, tid, ts, dur },
    tdur: dur / 2,
  })
  const traceEvents = [
    thread(1, 1, 'CrRendererMain'),
    thread(1, 2, 'DedicatedWorker'),
    task(1, 1, 9000, 1000),
    task(1, 1, 1000, 6000),
    task(1, 1, 2000, 3000, 'RunTask'),
    task(1, 1, 1000, 6000, 'RunTask'),
    task(1, 1, 1000, 50, 'Paint'),
    task(1, 2, 1000, 90_000),
    task(2, 1, 1000, 90_000),
  ]
  const trace = new TextEncoder().encode(JSON.stringify({ traceEvents }))
  assert.deepEqual(mainThreadTasks(trace), [
    { wall: 6, own: 3 },
    { wall: 1, own: 0.5 },
  ])
})
