import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomProgram } from '../conformance/random-program.ts'
import { Seeded } from '../conformance/seeded.ts'
import { tensorBytes } from '../estimate.ts'
import { equals, fold } from '../front/fold.ts'
import type { Grid } from '../front/grid.ts'
import type { Index } from '../front/index-form.ts'
import { add, mul } from '../front/ops/arithmetic.ts'
import { traceProgram } from '../front/trace-program.ts'
import { transpose } from '../front/views.ts'
import type { Ref } from '../node.ts'
import type { Program } from '../program.ts'
import type { U } from '../scalar/trace.ts'
import { type Arena, planArena } from './arena.ts'
import { carriedState } from './own-element.ts'
import { refsOf, typeOf } from './refs.ts'

/** Memory in which every write is remembered by name, so that a read finds out whether its bytes are still there. */
class Ledger {
  #held: { from: number; to: number; name: string }[] = []
  write(name: string, at: number, bytes: number): void {
    this.#held = this.#held.filter((h) => h.to <= at || h.from >= at + bytes)
    this.#held.push({ from: at, to: at + bytes, name })
  }
  holds(name: string): boolean {
    return this.#held.some((h) => h.name === name)
  }
}

const nameOf = (ref: Ref): string => `${ref.from} ${ref.index}`

/** Plays two steps of a plan, each moment's nodes in any order; says which read would find other bytes. */
const lost = (program: Program, arena: Arena, moments: readonly number[]): string | undefined => {
  const parities = arena.state.length
  const ledger = new Ledger()
  program.inputs.forEach((t, i) => {
    ledger.write(`input ${i}`, arena.inputs[i]!, tensorBytes(t))
  })
  for (let step = 0; step < 2; step++) {
    const parity = step % parities
    program.state.forEach((t, i) => {
      ledger.write(`state ${i}`, arena.state[parity]![i]!, tensorBytes(t))
    })
    for (let moment = 0; moment < program.nodes.length; moment++) {
      const now = program.nodes.flatMap((_, i) => (moments[i] === moment ? [i] : []))
      for (const i of now)
        for (const ref of refsOf(program.nodes[i]!))
          if (ref.from !== 'node' || moments[ref.index]! < moment)
            if (!ledger.holds(nameOf(ref))) return `step ${step}: node ${i} reads ${nameOf(ref)}`
      for (const i of now) ledger.write(`node ${i}`, arena.nodes[parity]![i]!, tensorBytes(program.nodes[i]!))
      for (const i of now) {
        if (!ledger.holds(`node ${i}`)) return `step ${step}: node ${i} is overwritten by its neighbour`
        // what was read at this moment must not have been written over, but for a state by its own next value
        for (const ref of refsOf(program.nodes[i]!)) {
          if (ledger.holds(nameOf(ref))) continue
          const next = ref.from === 'state' ? program.next[ref.index]! : undefined
          const own = next?.from === 'node' && next.index === i && arena.inPlace[ref.index]
          if (!own) return `step ${step}: node ${i} writes over ${nameOf(ref)}, which is being read`
        }
      }
    }
    for (const { from } of arena.copies[parity]!)
      if (!ledger.holds(nameOf(from))) return `step ${step}: ${nameOf(from)} cannot be copied`
    for (const { ref } of program.outputs)
      if (!ledger.holds(nameOf(ref))) return `step ${step}: ${nameOf(ref)} is no output any more`
    const after = (parity + 1) % parities
    for (const [i, ref] of program.next.entries()) {
      const at = arena.state[after]![i]!
      const copied = arena.copies[parity]!.some((c) => c.to === at)
      const stays = ref.from === 'state' && ref.index === i && at === arena.state[parity]![i]
      const written =
        ref.from === 'node' && arena.nodes[parity]![ref.index] === at && ledger.holds(nameOf(ref))
      if (!copied && !stays && !written) return `step ${step}: next state ${i} is nowhere`
      assert.equal(tensorBytes(typeOf(program, ref)), tensorBytes(program.state[i]!))
    }
  }
  return undefined
}

test('in 300 random programs no tensor is written over while it lives, and the bound is a bound', () => {
  let reused = 0
  let inPlace = 0
  for (let seed = 1; seed <= 300; seed++) {
    const { program } = randomProgram(seed, { nodes: 4 + (seed % 20) })
    const r = new Seeded(seed)
    let moment = 0
    const moments = program.nodes.map((_, i) => (i > 0 && r.chance(70) ? ++moment : moment))
    const start = 64 * r.between(1, 9)
    const arena = planArena(program, { start, moments, writesOnce: () => true })
    assert.equal(lost(program, arena, moments), undefined, `seed ${seed}`)
    assert.ok(arena.lowerBound <= arena.peak && arena.end === start + arena.peak, `seed ${seed}`)
    const places = arena.nodes[0]!
    reused += places.length - new Set(places).size
    inPlace += arena.inPlace.filter((p) => p).length
  }
  assert.ok(reused > 500, `${reused} places were used again`)
  assert.ok(inPlace > 100, `${inPlace} states were updated in place`)
})

const f32 = (...shape: number[]) => ({ dtype: 'f32', shape }) as const
const planOf = (program: Program, writesOnce = true): Arena =>
  planArena(program, { start: 64, writesOnce: () => writesOnce })

test('a state is updated in place only where nobody misses its old value', () => {
  const alone = traceProgram({ state: { a: f32(8, 8) } }, ({ a }) => ({ state: { a: mul(a, 2) } }))
  assert.deepEqual(planOf(alone).inPlace, [true])
  assert.equal(planOf(alone).state.length, 1)
  assert.deepEqual(planOf(alone, false).inPlace, [false])

  const turned = traceProgram({ state: { a: f32(8, 8) } }, ({ a }) => ({
    state: { a: add(transpose(a), a) },
  }))
  assert.deepEqual(planOf(turned).inPlace, [false])

  const kept = traceProgram({ state: { a: f32(8, 8), b: f32(8, 8) } }, ({ a }) => ({
    state: { a: mul(a, 2), b: a },
  }))
  assert.deepEqual(planOf(kept).inPlace, [false, false])

  const readLater = traceProgram({ state: { a: f32(8, 8) } }, ({ a }) => {
    const next = mul(a, 2)
    return { state: { a: next }, outputs: { x: add(transpose(next), a) } }
  })
  assert.deepEqual(planOf(readLater).inPlace, [false])
})

test('three temporaries of which two live at once take the room of two', () => {
  const program = traceProgram({ state: { a: f32(1024) } }, ({ a }) => {
    const chain = [2, 3, 4, 5].reduce((x, n) => mul(x, n), a)
    return { outputs: { y: chain } }
  })
  const arena = planOf(program)
  assert.equal(arena.lowerBound, 3 * 4096) // the state and two of the chain
  assert.ok(arena.peak <= 3 * (4096 + 64))
})

test('a chain that begins with the state it makes is carried on in place, unless the state is read anywhere else', () => {
  const carried = (init: (i: Index) => Index, again?: (i: Index, k: Index) => Index): boolean => {
    const program = traceProgram(
      { state: { a: { dtype: 'u32', shape: [8] } }, inputs: { x: { dtype: 'u32', shape: [8] } } },
      ({ a }, { x }) => {
        const [old, other] = [a as Grid<'u'>, x as Grid<'u'>]
        const next = fold({
          shape: [8],
          box: [8],
          register: 'u',
          order: 'chain',
          init: ([i]) => old.at(init(i!)),
          reads: ([i], [k]) => [other.at(k!), ...(again ? [old.at(again(i!, k!))] : [])],
          guards: ([i], [k]) => [equals(other.at(k!), i!)],
          step: (sum, ...values) => sum.add(values[0] as U),
        })
        return { state: { a: next }, outputs: {} }
      },
    )
    const [inPlace] = planOf(program).inPlace
    assert.equal(carriedState(program, program.nodes.length - 1), inPlace ? 0 : undefined)
    assert.equal(planOf(program, false).inPlace[0], false)
    return inPlace!
  }
  const own = (i: Index): Index => i
  assert.equal(carried(own), true)
  assert.equal(
    carried((i) => i.mul(-1).add(7)),
    false,
  )
  assert.equal(
    carried(own, (_, k) => k),
    false,
  )
  assert.equal(carried(own, own), false)
})
