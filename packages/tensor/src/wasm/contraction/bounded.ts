import { type Fn, I32, type Local, V128 } from '../emitter.ts'
import { canonical } from '../formats.ts'
import type { Kernel } from '../kernel.ts'
import { decode } from './finish.ts'
import { type Guarding, interval } from './guards.ts'
import { steps } from './loop.ts'
import type { Plan } from './plan.ts'

/** Rows of a side, packed, and where their results lie. */
export type Rows = {
  readonly plan: Plan
  readonly bounds: Guarding & { readonly kind: 'columns' | 'depth' }
  readonly first: Local // the first row's number
  readonly count: Local
  readonly high: number // rows of a panel
  readonly columns: Local
  readonly out: Local
  readonly outStep: number
  /** Where each row's interval is kept: two words a row. */
  readonly at: Local
}

/** Finds every row's interval, from `start` on and cut to [0, size). */
export const findIntervals = (kernel: Kernel, rows: Rows, start: Local, size: Local): void => {
  const { f, space } = kernel
  const { plan, bounds, first, count, at } = rows
  const along = bounds.kind === 'columns' ? plan.columns.dims : [space.outer.length]
  const row = f.local(I32)
  const number = f.local(I32)
  f.i32(0).set(row)
  steps(f, row, count, 1, () => {
    f.get(first).get(row).op('i32.add').set(number)
    decode(kernel, plan.rows.dims, number)
    for (const d of along) f.i32(0).set(kernel.coords[d]!)
    const { from, to } = interval(kernel, bounds, start, size)
    const place = f.get(row).i32(8).op('i32.mul').get(at).op('i32.add').keep(I32)
    f.get(place).get(from).memory('i32.store', 0)
    f.get(place).get(to).memory('i32.store', 4)
  })
}

/** Panel by panel: `panel` is its first row, `height` how many rows it has. */
const eachPanel = (f: Fn, { count, high }: Rows, body: (panel: Local, height: Local) => void): void => {
  const panel = f.local(I32)
  const height = f.local(I32)
  f.i32(0).set(panel)
  f.loop((again) => {
    f.get(count).get(panel).op('i32.sub').set(height)
    f.get(height).i32(high).get(height).i32(high).op('i32.lt_u').op('select').set(height)
    body(panel, height)
    f.get(panel).i32(high).op('i32.add').tee(panel).get(count).op('i32.lt_u').brIf(again)
  })
}

/** Leaves a word of a row's interval: 0 where it begins, 1 where it ends. */
const word = (f: Fn, { at }: Rows, panel: Local, row: Local, which: 0 | 1): Fn =>
  f
    .get(panel)
    .get(row)
    .op('i32.add')
    .i32(8)
    .op('i32.mul')
    .get(at)
    .op('i32.add')
    .memory('i32.load', 4 * which)

/** target = the smaller (or the greater) of itself and the word on the stack. */
const take = (f: Fn, target: Local, smaller: boolean): void => {
  const value = f.keep(I32)
  f.get(value).get(target).get(value).get(target)
  f.op(smaller ? 'i32.lt_u' : 'i32.gt_u')
    .op('select')
    .set(target)
}

/** Rows whose outputs pass up to a column: panels are multiplied no further than the longest of their rows. */
export const multiplyColumns = (
  kernel: Kernel,
  rows: Rows,
  call: (panel: Local, height: Local, columns: Local) => void,
): void => {
  const { f } = kernel
  eachPanel(f, rows, (panel, height) => {
    const most = f.local(I32)
    f.i32(0).set(most)
    const row = f.local(I32)
    f.i32(0).set(row)
    steps(f, row, height, 1, () => {
      word(f, rows, panel, row, 1)
      take(f, most, false)
    })
    f.get(most).if(() => call(panel, height, most))
  })
}

/** Gives init to what lies past each row's last passing column. */
export const fillColumns = (kernel: Kernel, rows: Rows): void => {
  const { f } = kernel
  const { count, columns, out, outStep, plan } = rows
  const zero = f.i32(0).keep(I32)
  const row = f.local(I32)
  const column = f.local(I32)
  const at = (): Fn => {
    f.get(row).i32(outStep).op('i32.mul').get(out).op('i32.add')
    return f.get(column).i32(4).op('i32.mul').op('i32.add')
  }
  f.i32(0).set(row)
  steps(f, row, count, 1, () => {
    word(f, rows, zero, row, 1).set(column)
    steps(f, column, columns, 4, () => at().splat(plan.init).memory('v128.store'))
    steps(f, column, columns, 1, () => at().i32(plan.init).memory('i32.store'))
  })
}

/**
 * Rows that take k from an interval of their own. The rows of a panel go together where all of their intervals
 * overlap, and one by one before and after: accumulators rest in `out` meanwhile, from where each call resumes.
 * `call` multiplies some of a
 * panel's rows, or one alone, from a k on.
 */
export const multiplyIntervals = (
  kernel: Kernel,
  rows: Rows,
  call: (first: Local, height: Local, from: Local, depth: Local, alone: boolean) => void,
): void => {
  const { f } = kernel
  const { out, outStep, columns, plan, count } = rows
  const all = f.local(I32)
  const column = f.local(I32)
  const at = (): Fn => {
    f.get(all).i32(outStep).op('i32.mul').get(out).op('i32.add')
    return f.get(column).i32(4).op('i32.mul').op('i32.add')
  }
  const eachWord = (vector: () => void, single: () => void): void => {
    f.i32(0).set(all)
    steps(f, all, count, 1, () => {
      f.i32(0).set(column)
      steps(f, column, columns, 4, vector)
      steps(f, column, columns, 1, single)
    })
  }
  eachWord(
    () => at().splat(plan.init).memory('v128.store'),
    () => at().i32(plan.init).memory('i32.store'),
  )
  const one = f.i32(1).keep(I32)
  eachPanel(f, rows, (panel, height) => {
    const from = f.local(I32)
    const to = f.local(I32)
    const row = f.local(I32)
    const [begin, end, number] = [f.local(I32), f.local(I32), f.local(I32)]
    f.i32(0).set(from)
    f.i32(-1).set(to)
    f.i32(0).set(row)
    steps(f, row, height, 1, () => {
      word(f, rows, panel, row, 0)
      take(f, from, false)
      word(f, rows, panel, row, 1)
      take(f, to, true)
    })
    // where they do not all overlap every row goes alone
    f.get(from).get(to).op('i32.ge_u')
    f.if(() => f.i32(-1).tee(from).set(to))
    const alone = (): void => {
      f.get(begin).get(end).op('i32.lt_u')
      f.if(() => {
        f.get(panel).get(row).op('i32.add').set(number)
        call(number, one, begin, f.get(end).get(begin).op('i32.sub').keep(I32), true)
      })
    }
    const ends = (body: () => void): void => {
      f.i32(0).set(row)
      steps(f, row, height, 1, () => {
        word(f, rows, panel, row, 0).set(begin)
        word(f, rows, panel, row, 1).set(end)
        body()
      })
    }
    ends(() => {
      f.get(from)
      take(f, end, true)
      alone()
    })
    f.get(from).get(to).op('i32.lt_u')
    f.if(() => call(panel, height, from, f.get(to).get(from).op('i32.sub').keep(I32), false))
    ends(() => {
      f.get(to)
      take(f, begin, false)
      alone()
    })
  })
  eachWord(
    () => {
      const value = at().memory('v128.load').keep(V128)
      at().get(value)
      canonical(f).memory('v128.store')
    },
    () => {
      const value = at().memory('v128.load32_splat').keep(V128)
      at().get(value)
      canonical(f).laneMemory('v128.store32_lane', 0)
    },
  )
}
