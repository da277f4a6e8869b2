import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRooting, digestOf, itemOf, leavesOf, rootOf, rootsOf, stepItem, treeOf } from '@lockstep/proof'
import type { Program, Tensor } from '@lockstep/tensor'
import { openRooting, spawnRootingThread } from './open-rooting.ts'

const TYPES = [
  { name: 'big', dtype: 'f32', shape: [512, 600] },
  { name: 'step', dtype: 'u32', shape: [] },
  { name: 'odd', dtype: 'u8', shape: [77] },
] as const
const program = { state: TYPES } as unknown as Program

/** A tensor of made-up bytes. */
const made = ({ dtype, shape }: Omit<Tensor, 'data'>, salt: number): Tensor => {
  const bytes = shape.reduce((n, d) => n * d, dtype === 'u8' ? 1 : 4)
  const data = new Uint8Array(bytes).map((_, i) => Math.imul(i + 1, 0x9e3779b1 + 2 * salt) >>> 24)
  return { dtype, shape, data }
}
/** What stands somewhere: one that writes into the place it is given, or one that does not. */
const standing = (salt: number, takesPlace = true) => {
  const state = TYPES.map((type, i) => made(type, salt + i))
  const outputs = [made({ dtype: 'f32', shape: [] }, salt)]
  return {
    outputs: () => outputs,
    state: (into?: Tensor[]): Tensor[] => {
      if (!into || !takesPlace) return state
      into.forEach(({ data }, i) => data.set(state[i]!.data))
      return into
    },
  }
}

test('a thread gives the roots that the libraries give, and the bytes it was given', async () => {
  const [fastest, plain] = [openRooting(program), openRooting(program, { native: false })]
  for (const [rooting, salt, takesPlace] of [
    [fastest, 1, true],
    [fastest, 20, false],
    [plain, 300, true],
    [plain, 4000, false],
  ] as const) {
    const runner = standing(salt, takesPlace)
    const { state, outputs, roots } = await rooting.take(runner)
    const wanted = rootsOf(runner.state(), runner.outputs())
    const stateRoot = rootOf(treeOf(runner.state().map(digestOf)))
    assert.deepEqual(wanted, {
      stateRoot,
      outputsRoot: digestOf(outputs[0]!),
      item: stepItem(stateRoot, digestOf(outputs[0]!)),
    })
    assert.deepEqual(await roots, wanted)
    state.forEach((tensor, i) => assert.deepEqual(tensor, runner.state()[i]))
  }
  await fastest.close()
  await plain.close()
})

test('a checkpoint is taken when the one before it has its roots, never sooner', async () => {
  const rooting = openRooting(program)
  const first = await rooting.take(standing(1))
  let isRooted = false
  void first.roots.then(() => {
    isRooted = true
  })
  const second = await rooting.take(standing(2))
  assert.ok(isRooted)
  assert.deepEqual(await first.roots, rootsOf(standing(1).state(), standing(1).outputs()))
  assert.deepEqual(await second.roots, rootsOf(standing(2).state(), standing(2).outputs()))
  await rooting.close()
})

test('a thread that fails or ends fails its checkpoint and every later one, and nothing else', async () => {
  const thread = spawnRootingThread()
  // It may well be done before it is ended: what is lost on the way to it is surely never answered.
  let isLost = false
  const post: typeof thread.post = (message) => isLost || thread.post(message)
  const rooting = createRooting(program, () => ({ ...thread, post }))
  const taken = await rooting.take(standing(1))
  await taken.roots
  isLost = true
  const left = await rooting.take(standing(2))
  await thread.terminate()
  await assert.rejects(left.roots, /ended with code/)
  const later = await rooting.take(standing(3))
  await assert.rejects(later.roots, /ended with code/)

  const odd = spawnRootingThread()
  const failing = createRooting({ state: [{ name: 'x', dtype: 'f32', shape: [4] }] }, () => odd)
  const outputs = [{ ...made({ dtype: 'f32', shape: [] }, 1), dtype: 'f99' }] as unknown as Tensor[]
  const runner = { outputs: () => outputs, state: () => [made({ dtype: 'f32', shape: [4] }, 1)] }
  const broken = await failing.take(runner)
  await assert.rejects(broken.roots, /the thread that roots checkpoints failed/)
  await failing.close()
})

test('a runner that hashes its state itself is asked for its roots, and no thread is', async () => {
  const tops = (state: readonly Tensor[]) => state.map(({ data }) => rootOf(leavesOf({ data } as Tensor)))
  for (const spawn of [undefined, () => assert.fail('a thread was started')]) {
    const rooting = createRooting(program, spawn)
    const runner = standing(9)
    let isAsked = false
    const roots = () => {
      isAsked = true
      return tops(runner.state())
    }
    const taken = await rooting.take({ ...runner, roots })
    assert.deepEqual(await taken.roots, rootsOf(runner.state(), runner.outputs()))
    taken.state.forEach((tensor, i) => assert.deepEqual(tensor, runner.state()[i]))
    assert.ok(isAsked)
    const item = itemOf({ ...runner, state: () => assert.fail('the state was fetched'), roots }, TYPES)
    assert.deepEqual(item, (await taken.roots).item)
    // What it says is taken: whoever computes elsewhere hashes elsewhere.
    const other = await rooting.take({ ...runner, roots: () => tops(standing(10).state()) })
    assert.notDeepEqual((await other.roots).item, (await taken.roots).item)
    await rooting.close()
  }
})

test('a small state is rooted at once', async () => {
  const rooting = openRooting({ state: [TYPES[1]] } as unknown as Program)
  const runner = { outputs: () => [], state: () => [made(TYPES[1], 4)] }
  const { roots } = await rooting.take(runner)
  assert.deepEqual(await roots, rootsOf(runner.state(), []))
  await rooting.close()
})
