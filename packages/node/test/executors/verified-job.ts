import { setTimeout as sleep } from 'node:timers/promises'
import { encodeJobManifest, type Plan, parseManifest, planJob, workOf } from '@lockstep/client'
import { LOCAL_RULES } from '@lockstep/contracts'
import { decodeTensors, encodeTensors } from '@lockstep/models'
import { hashBlob } from '@lockstep/network'
import {
  claimRoot,
  commitProgram,
  type Hex,
  initialItem,
  rootOf,
  runClaim,
  type Task,
  tensorsTree,
  toHex,
} from '@lockstep/proof'
import {
  createWasmExecutor,
  encodeProgram,
  matmul,
  mul,
  type NamedType,
  sub,
  sum,
  type Tensor,
  traceProgram,
  transpose,
  unwrap,
  validateProgram,
} from '@lockstep/tensor'
import { keccak256 } from 'viem'
import { passTime } from '../kill/pass-time.ts'
import { type AddOptions, openStreet } from '../street.ts'

/** Seconds after which a verifier that has enrolled is drawn, with what an enrolment takes to be seen. */
const UNTIL_COUNTED = LOCAL_RULES.verifiers.delay + 2 * LOCAL_RULES.draw.period

/** What a complete job came to on a real chain. */
export type VerifiedJob = {
  /** How each slice ended. */
  readonly slices: readonly string[]
  /** The claim's root on the chain, and what WebAssembly computes of the same task in this process. */
  readonly claimed: Hex
  readonly computed: Hex
  /** What provider and verifier were paid, and what anybody lost, in the token's units. */
  readonly provided: bigint
  readonly audited: bigint
  readonly slashed: bigint
  /** What the provider's log said. */
  readonly log: string
  /** Seconds from the post to the end. */
  readonly seconds: number
}

export type JobOptions = {
  readonly plan: Plan
  readonly provider: AddOptions
  readonly verifier?: AddOptions
  readonly signal: AbortSignal
}

/**
 * A whole market on a chain of its own: one provider carries out a job of one slice, a verifier executes it again, and
 * both are paid. Time in which nobody has anything to do is passed over.
 */
export const verifiedJob = async (options: JobOptions): Promise<VerifiedJob> => {
  const { plan, signal } = options
  const street = await openStreet()
  let log = ''
  const terminal = {
    write: (text: string): void => {
      log += text
    },
  }
  try {
    await street.add('relay', ['relay'])
    const verifier = await street.add('vic', ['verifier'], { computes: 'wasm', ...options.verifier })
    const provider = await street.add('ann', ['provider'], { level: 'info', terminal, ...options.provider })
    await provider.node.parts.executors.ready
    const client = await street.client()
    const { read, disputes } = client.chain
    const { pass, passTo } = passTime({
      ...{ market: client.chain, rpc: street.chain.url, mayPass: () => true, isDisputed: () => false },
      verifiers: () => [...street.accounts('verifier')],
    })
    // A verifier is drawn when its weight counts: a small job would be claimed before that.
    await passTo((await client.chain.now()) + UNTIL_COUNTED)
    const began = performance.now()
    const { job } = unwrap(await client.post(plan))
    let isOver = false
    const settled = client.settled(job, signal).finally(() => {
      isOver = true
    })
    let claim: Hex | undefined
    while (!isOver) {
      const progress = await read.progress(job, 0)
      if (progress.status === 'claimed') claim = progress.claim
      await pass(job)
      await sleep(250)
    }
    const { slices } = unwrap(await settled)
    const seconds = (performance.now() - began) / 1000
    const earned = await client.earnings(provider.account.address.toLowerCase() as Hex)
    const { audited } = await client.earnings(verifier.account.address.toLowerCase() as Hex)
    return {
      slices: slices.map(({ status }) => status),
      claimed: (await disputes.readClaim(claim ?? slices[0]!.claim)).root,
      computed: await rootByWasm(plan),
      ...{ provided: earned.provided, slashed: earned.slashed, audited, log, seconds },
    }
  } finally {
    await street.close()
  }
}

/** The root of the first slice's history as WebAssembly computes it. */
const rootByWasm = async (plan: Plan): Promise<Hex> => {
  const { programs, slices, job, blobs } = plan
  const { steps, segmentLength, program } = slices[0]!
  const committed = programs[program]!
  const tensors = (blob: string, types: readonly NamedType[]): Tensor[] =>
    unwrap(decodeTensors(blobs.get(blob)!, types))
  const task: Task = {
    ...{ committed, steps, segmentLength },
    initial: tensors(job.states[0]!, committed.program.state),
    inputs: tensors(job.inputs[0]!, committed.program.inputs),
  }
  const executor = await createWasmExecutor({ threads: 2 })
  const runner = await executor.compile(committed.program, task.inputs)
  const root = claimRoot(await runClaim(task, runner))
  runner.close()
  await executor.close()
  return toHex(root)
}

const TEXT = new TextEncoder().encode('the quick brown fox jumps over the lazy dog. '.repeat(60))

/** A job of one slice that trains a language model, on a local chain's times; `seconds` are for its one run. */
export const languageJob = (model: object, training: object, every: number, seconds: number): Plan => {
  const times = {
    ...{ bidding: 2, inclusion: 1, receipt: 120, run: seconds, audit: seconds, answer: 60, window: 660 },
    ...{ clock: 600, segment: 60, step: 60, move: 60, deadline: 7200 },
  }
  const manifest = {
    name: 'verified',
    data: { text: 'text.txt' },
    ...{ model, training, segments: { every } },
    market: { workers: 1, auditRate: 10_000, auditors: 1, ceiling: '0.01', auditPrice: '0.01', times },
  }
  const parsed = parseManifest(new TextEncoder().encode(JSON.stringify(manifest)))
  return planJob(parsed, TEXT, { blobId: (bytes) => hashBlob(bytes).id, throughput: 1e9 })
}

/**
 * A job of one slice that fits a line through points: a program of a handful of kernels, for devices that the processor
 * plays and that compile for long.
 */
export const lineJob = (steps: number, every: number): Plan => {
  const base = languageJob(
    { layers: 1, width: 8, heads: 1, context: 8 },
    { batch: 1, steps, warmup: 1 },
    every,
    240,
  )
  const [points, slope, heights] = [
    { dtype: 'f32', shape: [16, 8] },
    { dtype: 'f32', shape: [8, 4] },
    { dtype: 'f32', shape: [16, 4] },
  ] as const
  const traced = traceProgram(
    { state: { slope }, inputs: { points, heights } },
    ({ slope: w }, { points: x, heights: y }) => {
      const error = sub(matmul(x, w), y)
      const loss = sum(mul(error, error), { axes: [0, 1] })
      return { state: { slope: sub(w, mul(matmul(transpose(x), error), 0.01)) }, outputs: { loss } }
    },
  )
  const committed = commitProgram(unwrap(validateProgram(traced)))
  const made = ({ shape }: { readonly shape: readonly number[] }): Tensor => {
    const count = shape.reduce((n, d) => n * d, 1)
    const values = Float32Array.from({ length: count }, (_, i) => ((i * 7) % 11) / 11 - 0.4)
    return { dtype: 'f32', shape: [...shape], data: new Uint8Array(values.buffer) }
  }
  const [initial, inputs] = [[made(slope)], [made(points), made(heights)]]
  const { program } = committed
  const blobs = new Map<string, Uint8Array<ArrayBuffer>>()
  const publish = (bytes: Uint8Array<ArrayBuffer>): string => {
    const { id } = hashBlob(bytes)
    blobs.set(id, bytes)
    return id
  }
  const tokenizer = base.blobs.get(base.job.tokenizer)!
  const job = {
    ...base.job,
    programs: [publish(encodeProgram(program))],
    tokenizer: publish(tokenizer),
    states: [publish(encodeTensors(program.state, initial))],
    inputs: [publish(encodeTensors(program.inputs, inputs))],
  }
  const bytes = encodeJobManifest(job)
  const slice = {
    ...base.slices[0]!,
    initialItem: toHex(initialItem(initial)),
    inputsRoot: toHex(rootOf(tensorsTree(inputs))),
    work: workOf(program, steps),
  }
  return {
    ...base,
    ...{ programs: [committed], slices: [slice], job, bytes, blobs },
    manifestHash: keccak256(bytes),
  }
}
