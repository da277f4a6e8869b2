import assert from 'node:assert/strict'
import { escrowAtPosting, GIVEN, type Post, runSegment } from '@lockstep/market'
import {
  checkpointCount,
  type Digest,
  joinsOf,
  rootOf,
  type Task,
  type TraceSource,
  taskFields,
  tensorsTree,
} from '@lockstep/proof'
import { type Result, referenceExecutor, unwrap } from '@lockstep/tensor'
import { type Address, type Hex, parseEther } from 'viem'
import { mnemonicToAccount } from 'viem/accounts'
import {
  type Call,
  connect,
  type Deployment,
  deployMarket,
  dripCall,
  LOCAL_CHAIN,
  LOCAL_RULES,
  type LocalChain,
  type MarketChain,
  type MarketEvent,
  type MarketRules,
  marketChain,
  startLocalChain,
} from '../src/index.ts'

/** The accounts that anvil is known for, in the order of their names here. */
const NAMES = ['deployer', 'requester', 'liar', 'provider', 'ann', 'ben'] as const
export type Name = (typeof NAMES)[number]

/** Longer rounds than a local chain's, so that a slow machine is in time. */
export const RULES: MarketRules = {
  ...LOCAL_RULES,
  draw: { ...LOCAL_RULES.draw, period: 60 },
  verifiers: { ...LOCAL_RULES.verifiers, delay: 200 },
}

export type Person = MarketChain & {
  readonly address: Address
  readonly sign: ReturnType<typeof mnemonicToAccount>
  /** Sends a call that must go through; gives the events. */
  readonly does: (call: Call) => Promise<readonly MarketEvent[]>
}

export type People = { readonly [name in Name]: Person } & {
  readonly chain: LocalChain
  readonly deployment: Deployment
  /** Lets time pass. */
  readonly pass: (seconds: number) => Promise<void>
  readonly passTo: (time: number) => Promise<void>
}

/** A market with a requester, two providers and two verifiers whose weight counts: all out of the faucet. */
export const gatherPeople = async (): Promise<People> => {
  const chain = await startLocalChain()
  const account = (name: Name) =>
    mnemonicToAccount('test test test test test test test test test test test junk', {
      addressIndex: NAMES.indexOf(name),
    })
  const at = (name: Name) =>
    connect({ url: chain.url, chainId: LOCAL_CHAIN.id, account: account(name), pollingInterval: 5 })
  const deployer = await at('deployer')
  const deployment = await deployMarket(deployer, RULES)
  const join = async (name: Name): Promise<Person> => {
    const market = await marketChain(await at(name), deployment.addresses)
    const sign = account(name)
    const does: Person['does'] = async (call) => unwrap(await market.send(call)).events
    return { ...market, address: sign.address, sign, does }
  }
  const people = Object.fromEntries(
    await Promise.all(NAMES.map(async (name) => [name, await join(name)] as const)),
  ) as { readonly [name in Name]: Person }
  const rpc = (method: string, ...params: unknown[]) => deployer.reader.request({ method, params } as never)
  const passTo = async (time: number): Promise<void> => {
    const wait = time - (await people.deployer.now())
    if (wait > 0) await rpc('evm_increaseTime', wait)
    await rpc('evm_mine')
  }
  const { faucet, vault } = deployment.addresses
  for (const name of NAMES.slice(1)) {
    const person = people[name]
    const { calls } = person
    await people.deployer.does(dripCall(faucet!, person.address))
    if (name === 'requester') continue // its permits do the rest
    await person.does(calls.approve(vault, parseEther('10000')))
    await person.does(calls.deposit(person.address, parseEther('10000')))
    await person.does(calls.stake(parseEther('9000')))
  }
  await people.ann.does(people.ann.calls.enroll(parseEther('300')))
  await people.ben.does(people.ben.calls.enroll(parseEther('700')))
  await passTo((await people.ann.now()) + RULES.verifiers.delay)
  await people.ann.does(people.ann.calls.applyChanges(16))
  return {
    ...people,
    chain,
    deployment,
    passTo,
    pass: async (seconds) => passTo((await people.deployer.now()) + seconds),
  }
}

/** A job of one slice, whose steps are a task's. */
export const postFor = (task: Task, now: number, bond: bigint): Post => {
  const { initialItem, inputsRoot, steps, segmentLength } = taskFields(task)
  return {
    programs: [task.committed.header],
    slices: [
      {
        ...{ program: 0, initialFrom: GIVEN, group: 0, inputsFrom: [], initialItem, inputsRoot },
        ...{ steps, segmentLength, work: 7n, time: 500 },
      },
    ],
    manifest: `0x${'3a'.repeat(32)}`,
    ceiling: parseEther('3'),
    auditPrice: parseEther('2') + 1n,
    bond,
    auditRate: 5_000,
    auditors: 2,
    times: {
      ...{ bidding: 10, inclusion: 20, receipt: 300, audit: 300, answer: 300, window: 5_000 },
      ...{ clock: 600, segmentTime: 120, stepTime: 60, moveTime: 30, deadline: now + 100_000 },
    },
    allowed: [],
    banned: [],
  }
}

/** What the job escrows at posting. */
export const escrowFor = (post: Post): bigint => escrowAtPosting(post, RULES.charges)

/** What an honest execution has to show for itself. */
export type Executed = {
  readonly stateRoot: Digest
  readonly outputsRoot: Digest
  /** One of every segment. */
  readonly tallies: readonly Digest[]
}

export const execute = async (task: Task): Promise<Executed> => {
  const runner = await referenceExecutor.compile(task.committed.program, task.inputs)
  const tallies: Digest[] = []
  let state = task.initial
  for (let segment = 0; segment < checkpointCount(task); segment++) {
    const ran = await runSegment(runner, task, segment, state)
    tallies.push(ran.tally)
    state = ran.state
  }
  const outputsRoot = rootOf(tensorsTree(runner.outputs()))
  return { stateRoot: rootOf(tensorsTree(state)), outputsRoot, tallies }
}

/** What somebody's last step item is the parent of, true or not. */
export const lastRoots = async (
  task: Task,
  source: TraceSource,
): Promise<Pick<Executed, 'stateRoot' | 'outputsRoot'>> => {
  const items = await source.step(task.steps - 1)
  const { left, right } = joinsOf(task.committed.program).at(-1)!
  assert.ok(left.from === 'item' && right.from === 'item')
  return { stateRoot: items.at(0, left.index), outputsRoot: items.at(0, right.index) }
}

/** A refusal's error. */
export const errorOf = (result: Result<unknown>): string | number => {
  assert.ok(!result.ok, 'it should have been refused')
  return result.fault.value
}

/** Every token of the market, by owner: what the Vault holds must be the sum. */
export const checkSolvency = async (people: People, escrows: readonly (number | bigint)[]): Promise<void> => {
  const { read, addresses } = people.deployer
  let owed = 0n
  // The treasury is the deployer.
  for (const name of NAMES) {
    const { credit, stake, unbonding } = await read.account(people[name].address)
    owed += credit + stake + unbonding
  }
  for (const escrow of escrows) owed += await read.escrowOf(addresses.market, escrow)
  assert.equal(await read.tokens(addresses.vault), owed)
}

export const randomHex = (salt: number): Hex => `0x${salt.toString(16).padStart(64, '0')}`
