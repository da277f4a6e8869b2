import {
  type Executor,
  type FoldNode,
  type Ref,
  type Runner,
  type Tensor,
  tensorAt,
  tensorSource,
} from '@lockstep/tensor'
import { type Claim, itemOf, runClaim } from './claim.ts'
import { type Digest, ZERO } from './digest.ts'
import { combineWords, runWords } from './fold-words.ts'
import { stepItems } from './item.ts'
import { segmentSteps, type Task } from './task.ts'
import { digestOf, leafBytes, leavesOf, tensorsTree } from './tensor-tree.ts'
import type { Found, TraceSource } from './trace-source.ts'
import { rootOf, type Tree, treeOf } from './tree.ts'

export type ExecutorTraceOptions = {
  readonly task: Task
  readonly executor: Executor
  readonly claim: Claim
  /**
   * The stored state at a checkpoint (0 is the one after the first segment), or undefined where it was not kept:
   * the source then runs again from an earlier one.
   */
  readonly state?: (checkpoint: number) => Promise<readonly Tensor[] | undefined>
}

/** Closing frees the runner; the executor belongs to the caller. */
export type ExecutorTrace = TraceSource & { readonly close: () => void }

/** All that is remembered of one step: its tensors, and the trees over leaves that were asked for. */
type StepTrace = {
  readonly step: number
  readonly found: Found
  readonly state: readonly Tensor[]
  readonly nodes: readonly Tensor[]
  readonly items: Tree
  readonly leaves: Map<string, Tree>
}

/**
 * A trace source over any executor: it runs again from the nearest stored state, and remembers one segment's items
 * and one step's tensors at a time.
 */
export const executorTrace = async (options: ExecutorTraceOptions): Promise<ExecutorTrace> => {
  const { task, executor, claim, state: stored } = options
  const { program } = task.committed
  const runner = await executor.compile(program, task.inputs)
  const inputs = tensorsTree(task.inputs)
  let standsAt: number | undefined // the step that the runner would run next
  let segment: { readonly index: number; readonly items: Tree } | undefined
  let trace: StepTrace | undefined
  let turn: Promise<unknown> = Promise.resolve()

  /** One question at a time: they share the runner. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const answer = turn.then(work, work)
    turn = answer.catch(() => {})
    return answer
  }

  /** Puts the runner before `step`. */
  const goTo = async (step: number): Promise<void> => {
    const start = await nearestState(task, step, stored)
    if (standsAt === undefined || standsAt > step || standsAt < start.step) {
      runner.load(start.state)
      standsAt = start.step
    }
    if (standsAt < step) await runner.step(step - standsAt)
    standsAt = step
  }

  const traceSegment = async (index: number): Promise<Tree> => {
    if (segment?.index === index) return segment.items
    await goTo(index * task.segmentLength)
    const items: Digest[] = []
    for (let i = 0; i < segmentSteps(task, index); i++) {
      await runner.step()
      standsAt = standsAt! + 1
      items.push(itemOf(runner, program.state))
    }
    segment = { index, items: treeOf(items) }
    return segment.items
  }

  const traceStep = async (step: number): Promise<StepTrace> => {
    if (trace?.step === step) return trace
    trace = undefined
    // The outputs of the step before are part of what this step found.
    await goTo(Math.max(step - 1, 0))
    if (step > 0) await runner.step()
    standsAt = step
    const state = runner.state()
    const found = {
      states: tensorsTree(state),
      outputsRoot: step > 0 ? rootOf(tensorsTree(runner.outputs())) : (task.initialOutputs ?? ZERO),
    }
    const nodes = await runner.trace()
    standsAt = step + 1
    const digests = (tree: Tree): Digest[] => Array.from({ length: tree.count }, (_, i) => tree.at(0, i))
    const items = stepItems(program, nodes.map(digestOf), digests(found.states), digests(inputs))
    trace = { step, found, state, nodes, items: treeOf(items), leaves: new Map() }
    return trace
  }

  const tensorOf = async (step: number, ref: Ref): Promise<Tensor> => {
    if (ref.from === 'input') return task.inputs[ref.index]!
    const { nodes, state } = await traceStep(step)
    return tensorAt(ref, nodes, state, task.inputs)
  }

  const leaves = async (step: number, ref: Ref): Promise<Tree> => {
    const known = (await traceStep(step)).leaves
    const name = `${ref.from} ${ref.index}`
    let tree = known.get(name)
    if (!tree) {
      tree = leavesOf(await tensorOf(step, ref))
      known.set(name, tree)
    }
    return tree
  }

  const source = async (step: number) => {
    const { nodes, state } = await traceStep(step)
    return tensorSource((ref) => tensorAt(ref, nodes, state, task.inputs))
  }
  const fold = (node: number): FoldNode => program.nodes[node] as FoldNode

  return {
    checkpoints: async () => treeOf(claim.checkpoints),
    segment: (index) => inTurn(() => traceSegment(index)),
    step: (step) => inTurn(async () => (await traceStep(step)).items),
    found: (step) => inTurn(async () => (await traceStep(step)).found),
    inputs: async () => inputs,
    leaves: (step, ref) => inTurn(() => leaves(step, ref)),
    leaf: (step, ref, index) => inTurn(async () => leafBytes(await tensorOf(step, ref), index)),
    run: ({ step, node, element }, run, acc) =>
      inTurn(async () => runWords(fold(node), element, run, acc, await source(step))),
    combine: ({ step, node, element }, value) =>
      inTurn(async () => combineWords(fold(node), element, value, await source(step))),
    close: () => runner.close(),
  }
}

const nearestState = async (
  task: Task,
  step: number,
  stored: ExecutorTraceOptions['state'],
): Promise<{ readonly step: number; readonly state: readonly Tensor[] }> => {
  for (let checkpoint = Math.floor(step / task.segmentLength); checkpoint > 0 && stored; checkpoint--) {
    const state = await stored(checkpoint - 1)
    if (state) return { step: checkpoint * task.segmentLength, state }
  }
  return { step: 0, state: task.initial }
}

/** Runs a task, keeping every state: for tasks small enough to be held in memory. */
export const runRemembering = async (
  task: Task,
  executor: Executor,
): Promise<{ readonly claim: Claim; readonly trace: ExecutorTrace }> => {
  const states: (readonly Tensor[])[] = []
  const runner: Runner = await executor.compile(task.committed.program, task.inputs)
  const claim = await runClaim(task, runner, (_, state) => {
    states.push(state)
  })
  runner.close()
  return { claim, trace: await executorTrace({ task, executor, claim, state: async (i) => states[i] }) }
}
