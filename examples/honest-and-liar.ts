// An honest run, then a liar caught, with the libraries alone:   node examples/honest-and-liar.ts
import * as proof from '@lockstep/proof'
import * as lockstep from '@lockstep/tensor'

// One step of a task: gradient descent on the line y = a x + b. What is learned is state, what is given are inputs.
const points = { dtype: 'f32', shape: [64] } as const
const descent = (rate: number): lockstep.Program =>
  lockstep.traceProgram(
    {
      state: { a: { dtype: 'f32', shape: [1] }, b: { dtype: 'f32', shape: [1] } },
      inputs: { x: points, y: points },
    },
    ({ a, b }, { x, y }) => {
      const error = lockstep.map([x, y, a, b], (x, y, a, b) => a.mul(x).add(b).sub(y))
      const loss = lockstep.mean(lockstep.mul(error, error))
      const uphill = lockstep.gradients(loss, { a, b })
      const down = (value: lockstep.Grid<'f'>, by: lockstep.Grid<'f'>) =>
        lockstep.map([value, by], (v, g) => v.sub(g.mul(rate)))
      return { state: { a: down(a, uphill.a), b: down(b, uphill.b) }, outputs: { loss } }
    },
  )
const tensor = (values: number[]): lockstep.Tensor => {
  return { dtype: 'f32', shape: [values.length], data: new Uint8Array(Float32Array.from(values).buffer) }
}
const xs = Array.from({ length: 64 }, (_, i) => i / 32 - 1)

// The task that everyone agrees about: 100 steps, a checkpoint every 10.
const task: proof.Task = {
  committed: proof.commitProgram(lockstep.unwrap(lockstep.validateProgram(descent(0.1)))),
  initial: [tensor([0]), tensor([0])],
  inputs: [tensor(xs), tensor(xs.map((x) => 3 * x - 2))],
  steps: 100,
  segmentLength: 10,
}

// Two strangers run it on different executors and commit to the same history, bit for bit.
const fast = await lockstep.createWasmExecutor()
const one = await proof.runRemembering(task, fast)
const two = await proof.runRemembering(task, lockstep.referenceExecutor)
console.log(
  'honest claims ',
  proof.toHex(proof.claimRoot(one.claim)),
  proof.toHex(proof.claimRoot(two.claim)),
)

// A third one is slightly off: it descends a little faster than the program says, and claims its history all the same.
const lie = { ...task, committed: { ...task.committed, program: descent(0.1000001) } }
const liar = await proof.runRemembering(lie, fast)
const claim = proof.toHex(proof.claimRoot(liar.claim))
console.log('the lie claims', claim)

// The honest one challenges. They play the game: here on a chain in memory, with `lockstep dispute` on a real one.
const chain = proof.memoryChain(() => 0)
const timing = { clock: 60, segmentTime: 60, stepTime: 60, moveTime: 60 }
const terms = { task: proof.taskFields(task), header: task.committed.header, timing, claim }
const named = proof.nameSegment(await liar.trace.checkpoints(), await one.trace.checkpoints())!
const dispute = lockstep.unwrap(chain.open(terms, named))
const wait = () => new Promise<void>((resolve) => setTimeout(resolve, 1))
const table = { chain, dispute, committed: task.committed, now: () => 0, wait }
const liarPlays = proof.play({ ...table, side: 'claimant', source: liar.trace })
const winner = await proof.play({ ...table, side: 'challenger', source: one.trace })
await liarPlays
const { segment, step, node } = chain.game(dispute)
console.log(
  `segment ${segment}, step ${step}, node ${node?.index}, element ${node?.element}: the ${winner} wins`,
)
await fast.close()
