import type {
  Chain,
  DisputeRecord,
  JoinOpening,
  Move,
  MoveKind,
  Opening,
  Outcome,
  ProgramHeader,
  SegmentNamed,
  Terms,
  Timing,
} from '@lockstep/proof'
import { replay, seedHash, toHex } from '@lockstep/proof'
import { ok, type Result } from '@lockstep/tensor'
import {
  type Address,
  decodeEventLog,
  encodeFunctionData,
  type Hex,
  numberToHex,
  type RpcLog,
  type TransactionReceipt,
} from 'viem'
import type { Call } from './call.ts'
import { ChainError, refusal } from './chain-fault.ts'
import { type Connection, deploy, mustHaveCode } from './connection.ts'
import { Disputes, Referee } from './generated/index.ts'

export const disputesAbi = Disputes.abi
const abi = disputesAbi

/** What the contract fixes for all tasks; see the constructor of Disputes.sol. */
export type DisputeRules = {
  readonly treasury: Address
  /** The winner's share of the loser's bond, of 10,000. */
  readonly rewardShare: number
  /** The highest price in wei at which gas is given back. */
  readonly gasPriceCap: bigint
  /** The least that a task can set for each of its times, in seconds. */
  readonly minimumTime: number
}

/** A task as the contract takes it. */
export type TaskTerms = Timing & {
  readonly header: ProgramHeader
  readonly initialItem: Hex
  readonly inputsRoot: Hex
  readonly steps: number
  readonly segmentLength: number
  /** Seconds for which a claim can be challenged. */
  readonly window: number
  /** Wei, of a claimant and of a challenger. */
  readonly bond: bigint
  /** Tells this task from another one on the same terms; without it, zero. */
  readonly context?: Hex
}

export const CLAIM_STATUS = ['none', 'standing', 'final', 'fallen', 'void'] as const
export type ClaimStatus = (typeof CLAIM_STATUS)[number]

export type Claim = {
  readonly task: Hex
  readonly root: Hex
  readonly claimant: Address
  /** When its window ends, in the chain's seconds. */
  readonly until: number
  readonly status: ClaimStatus
  /** How many disputes about it have not ended. */
  readonly open: number
}

export type DisputeChain = Chain & {
  readonly connection: Connection
  readonly address: Address
  readonly createTask: (terms: TaskTerms) => Promise<Result<Hex>>
  /** A task as it was made. */
  readonly readTerms: (task: Hex) => Promise<TaskTerms>
  readonly claim: (task: Hex, root: Hex) => Promise<Result<Hex>>
  readonly readClaim: (claim: Hex) => Promise<Claim>
  readonly challenge: (claim: Hex) => Promise<Result<number>>
  readonly challengeSegment: (claim: Hex, named: SegmentNamed) => Promise<Result<number>>
  /** Ends a dispute about a claim that has fallen or is void. */
  readonly close: (dispute: number) => Promise<Result<void>>
  readonly finalize: (claim: Hex) => Promise<Result<void>>
  /** Ends a standing claim of an invalid task. */
  readonly release: (claim: Hex) => Promise<Result<void>>
  readonly credit: (account: Address) => Promise<bigint>
  readonly withdraw: (to: Address) => Promise<Result<void>>
  /** The disputes that were opened in blocks from `fromBlock` on, and the block to go on from. */
  readonly disputesSince: (
    fromBlock: bigint,
  ) => Promise<{ readonly disputes: readonly OpenedDispute[]; readonly next: bigint }>
  readonly readDispute: (dispute: number) => Promise<DisputeSummary>
  /** The time of the chain's next block, as far as this machine knows: refreshed by every `record` and `wait`. */
  readonly now: () => number
  /** Comes back when the dispute has changed since its last `record`, or at this time at the latest. */
  readonly wait: (dispute: number, until: number) => Promise<void>
  /** What the last transaction of this connection cost: for measurements. */
  readonly lastReceipt: () => TransactionReceipt | undefined
}

export type OpenedDispute = { readonly dispute: number; readonly claim: Hex; readonly challenger: Address }

export type DisputeSummary = {
  readonly openedBlock: bigint
  /** Neither decided nor run out. */
  readonly isOpen: boolean
}

export type DisputeChainOptions = {
  /** Milliseconds between two looks at the chain. */
  readonly pollingInterval?: number
  /** The most blocks whose events are asked for at once. */
  readonly logRange?: number
  /** Sends calls in place of the connection: for who keeps an order among all that an account sends. */
  readonly send?: (call: Call, gas: bigint) => Promise<Result<TransactionReceipt>>
}

/** Deploys the referee and the disputes contract. */
export const deployDisputes = async (connection: Connection, rules: DisputeRules): Promise<Address> => {
  const referee = await deploy(connection, Referee, [])
  const { treasury, rewardShare, gasPriceCap, minimumTime } = rules
  return deploy(connection, Disputes, [
    referee,
    treasury,
    BigInt(rewardShare),
    gasPriceCap,
    BigInt(minimumTime),
  ])
}

/** The least bond that a task may have under some rules. */
export const readMinimumBond = ({ reader }: Connection, address: Address): Promise<bigint> =>
  reader.readContract({ address, abi, functionName: 'minimumBond' })

/** How often a record is read whose events and state are not of one moment. */
const LOOKS = 10

export const disputeChain = async (
  connection: Connection,
  address: Address,
  options: DisputeChainOptions = {},
): Promise<DisputeChain> => {
  await mustHaveCode(connection, address)
  const { reader, wallet, account, inTurn, mined } = connection
  const { pollingInterval = 200, logRange = 5_000 } = options
  let receipt: TransactionReceipt | undefined
  let time = { chain: 0, machine: 0 }

  const lookAtClock = async (): Promise<void> => {
    const { timestamp } = await reader.getBlock({ blockTag: 'pending' })
    time = { chain: Number(timestamp), machine: performance.now() }
  }
  const now = (): number => time.chain + Math.floor((performance.now() - time.machine) / 1000)

  /** Sends a call; a refusal is found before anything is sent. */
  const send = (
    functionName: string,
    args: readonly unknown[],
    value = 0n,
  ): Promise<Result<TransactionReceipt>> =>
    inTurn(async () => {
      // The arguments are checked where they are made: by the types of the functions below.
      const call = { address, abi, functionName, args, value, account }
      let gas: bigint
      try {
        gas = await reader.estimateContractGas(call as never)
      } catch (error) {
        return refusal(functionName, error)
      }
      // A node estimates at a price of zero, where the contract has no gas to note down.
      gas = (gas * 11n) / 10n + 60_000n
      if (options.send) {
        const data = encodeFunctionData({ abi, functionName, args } as never)
        const sent = await options.send({ name: `disputes.${functionName}`, to: address, data, value }, gas)
        if (sent.ok) receipt = sent.value
        return sent
      }
      receipt = await mined(await wallet.writeContract({ ...call, gas } as never))
      return ok(receipt)
    })
  const sendOnly = async (functionName: string, args: readonly unknown[]): Promise<Result<void>> => {
    const sent = await send(functionName, args)
    return sent.ok ? ok(undefined) : sent
  }
  const eventsIn = (sent: TransactionReceipt): readonly DisputeEvent[] =>
    sent.logs.filter((log) => log.address.toLowerCase() === address.toLowerCase()).map(decode)

  const readTask = async (task: Hex) => {
    const terms = await reader.readContract({ address, abi, functionName: 'getTask', args: [task] })
    if (terms.bond === 0n) throw new ChainError('unknown', `there is no task ${task} at ${address}`)
    return terms
  }
  const readDispute = async (dispute: number) => {
    const found = await reader.readContract({
      address,
      abi,
      functionName: 'getDispute',
      args: [BigInt(dispute)],
    })
    if (found.place.outcome === 0)
      throw new ChainError('unknown', `there is no dispute ${dispute} at ${address}`)
    return found
  }
  const readClaim = async (claim: Hex): Promise<Claim> => {
    const found = await reader.readContract({ address, abi, functionName: 'getClaim', args: [claim] })
    return {
      task: found.task,
      root: found.root,
      claimant: found.claimant,
      until: Number(found.until),
      status: CLAIM_STATUS[found.status]!,
      open: Number(found.open),
    }
  }

  /** Events of a block range whose first indexed field has this value, in order. */
  const logs = async (from: bigint, to: bigint, topics: readonly (Hex | null)[]): Promise<DisputeEvent[]> => {
    const found: DisputeEvent[] = []
    for (let begin = from; begin <= to; begin += BigInt(logRange)) {
      const end = begin + BigInt(logRange) - 1n < to ? begin + BigInt(logRange) - 1n : to
      const part = (await reader.request({
        method: 'eth_getLogs',
        params: [{ address, topics: [...topics], fromBlock: numberToHex(begin), toBlock: numberToHex(end) }],
      })) as readonly RpcLog[]
      found.push(...part.map(decode))
    }
    return found
  }

  /** What has been fixed when a dispute begins: events say it, and it never changes. */
  const termsOf = async (claim: Hex): Promise<Terms> => {
    const { task, root } = await readClaim(claim)
    const terms = await readTask(task)
    const { header } = await taskCreated(task)
    return {
      task: {
        program: terms.program,
        initialItem: terms.initialItem,
        inputsRoot: terms.inputsRoot,
        steps: Number(terms.steps),
        segmentLength: terms.segmentLength,
      },
      header,
      timing: {
        clock: terms.clock,
        segmentTime: terms.segmentTime,
        stepTime: terms.stepTime,
        moveTime: terms.moveTime,
      },
      claim: root,
    }
  }
  const made = new Map<Hex, TaskTerms>()
  const taskCreated = async (task: Hex): Promise<TaskTerms> => {
    const known = made.get(task)
    if (known) return known
    const terms = await readTask(task)
    const events = await logs(terms.createdBlock, terms.createdBlock, [null, task])
    const created = events.find((event) => event.eventName === 'TaskCreated')
    if (created?.eventName !== 'TaskCreated') {
      throw new ChainError('unknown', `the chain at ${address} has no record of the creation of task ${task}`)
    }
    const { header, steps, ...rest } = created.args.terms
    const read: TaskTerms = {
      ...rest,
      header: {
        ...header,
        interfaceDigest: bytesOf(header.interfaceDigest),
        itemsRoot: bytesOf(header.itemsRoot),
      },
      steps: Number(steps),
    }
    made.set(task, read)
    return read
  }

  /** Where each dispute stood by the events that were read of it. */
  const lastSeen = new Map<number, Hex>()
  const record = async (dispute: number): Promise<DisputeRecord> => {
    for (let look = 1; ; look++) {
      await lookAtClock()
      const found = await readDispute(dispute)
      const events = await logs(found.openedBlock, await reader.getBlockNumber(), [
        null,
        numberToHex(dispute, { size: 32 }),
      ])
      const read = recordFrom(
        events,
        await termsOf(found.claim),
        seedHash(connection.chainId, address, dispute),
        dispute,
      )
      const replayed = replay(read)
      const at = replayed.ok ? replayed.value.game.at : found.at
      lastSeen.set(dispute, at)
      // A node may know a dispute's newest state before it gives the event of the move that led there, or the other way round.
      // Whoever took the one for the other would wait for a move that has been made, until its own time has run out.
      if (found.place.outcome !== OPEN || at === found.at || look === LOOKS) return read
      await new Promise((resolve) => setTimeout(resolve, pollingInterval))
    }
  }

  const bondOf = async (task: Hex): Promise<bigint> => (await readTask(task)).bond
  const opened = (sent: Result<TransactionReceipt>): Result<number> => {
    if (!sent.ok) return sent
    for (const event of eventsIn(sent.value)) {
      if (event.eventName === 'HistoryChallenged' || event.eventName === 'SegmentChallenged') {
        return ok(Number(event.args.dispute))
      }
    }
    throw new ChainError('unknown', `transaction ${sent.value.transactionHash} opened no dispute`)
  }

  return {
    connection,
    address,
    now,
    record,
    readClaim,
    readTerms: taskCreated,
    lastReceipt: () => receipt,
    submit: (dispute, move) => sendOnly(move.kind, moveArguments(dispute, move)),
    timeout: (dispute) => sendOnly('timeout', [BigInt(dispute)]),
    close: (dispute) => sendOnly('close', [BigInt(dispute)]),
    finalize: (claim) => sendOnly('finalize', [claim]),
    release: (claim) => sendOnly('release', [claim]),
    credit: (of) => reader.readContract({ address, abi, functionName: 'credit', args: [of] }),
    withdraw: (to) => sendOnly('withdraw', [to]),
    createTask: async (terms) => {
      const sent = await send('createTask', [taskArgument(terms)])
      // A task is what it says: whoever else has made the same one has made this one.
      if (!sent.ok) return sent.fault.value === 'AlreadyExists' ? ok(sent.fault.limit as Hex) : sent
      for (const event of eventsIn(sent.value))
        if (event.eventName === 'TaskCreated') return ok(event.args.task)
      throw new ChainError('unknown', `transaction ${sent.value.transactionHash} created no task`)
    },
    claim: async (task, root) => {
      const sent = await send('claim', [task, root], await bondOf(task))
      if (!sent.ok) return sent
      for (const event of eventsIn(sent.value)) if (event.eventName === 'Claimed') return ok(event.args.claim)
      throw new ChainError('unknown', `transaction ${sent.value.transactionHash} made no claim`)
    },
    challenge: async (claim) => {
      const bond = await bondOf((await readClaim(claim)).task)
      return opened(await send('challenge', [claim], bond))
    },
    challengeSegment: async (claim, named) => {
      const bond = await bondOf((await readClaim(claim)).task)
      const { segment, checkpoint, checkpointPath, predecessor, predecessorPath } = named
      const args = [claim, BigInt(segment), checkpoint, checkpointPath, predecessor, predecessorPath]
      return opened(await send('challengeSegment', args, bond))
    },
    disputesSince: async (fromBlock) => {
      const last = await reader.getBlockNumber()
      const disputes: OpenedDispute[] = []
      for (const event of await logs(fromBlock, last, [])) {
        if (event.eventName !== 'HistoryChallenged' && event.eventName !== 'SegmentChallenged') continue
        const { dispute, claim, challenger } = event.args
        disputes.push({ dispute: Number(dispute), claim, challenger })
      }
      return { disputes, next: last + 1n }
    },
    readDispute: async (dispute) => {
      const { openedBlock, place } = await readDispute(dispute)
      return { openedBlock, isOpen: place.outcome === OPEN }
    },
    wait: async (dispute, until) => {
      for (;;) {
        await lookAtClock()
        if (now() >= until) return
        const { at, place } = await readDispute(dispute)
        if (place.outcome !== OPEN || at !== lastSeen.get(dispute)) return
        await new Promise((resolve) => setTimeout(resolve, pollingInterval))
      }
    },
  }
}

const OPEN = 1
const OUTCOMES: Readonly<Record<number, Exclude<Outcome, 'open'>>> = {
  2: 'claimant',
  3: 'challenger',
  4: 'void',
  5: 'void', // closed, because the claim had fallen elsewhere
}

type DisputeEvent = ReturnType<typeof decode>
const decode = ({ data, topics }: { readonly data: Hex; readonly topics: readonly Hex[] }) =>
  decodeEventLog({ abi, data, topics: topics as [Hex, ...Hex[]] })

/** The record of a dispute out of its events alone. */
const recordFrom = (
  events: readonly DisputeEvent[],
  terms: Terms,
  seed: Hex,
  dispute: number,
): DisputeRecord => {
  const moves: { move: Move; time: number }[] = []
  let openedAt: number | undefined
  let named: SegmentNamed | undefined
  let decided: Exclude<Outcome, 'open'> | undefined
  for (const { eventName, args } of events) {
    const add = (move: Move, time: bigint): void => {
      moves.push({ move, time: Number(time) })
    }
    switch (eventName) {
      case 'HistoryChallenged':
        openedAt = Number(args.time)
        break
      case 'SegmentChallenged': {
        const { segment, checkpoint, checkpointPath, predecessor, predecessorPath } = args
        openedAt = Number(args.time)
        named = { segment: Number(segment), checkpoint, checkpointPath, predecessor, predecessorPath }
        break
      }
      case 'ChildrenPosted':
        add(
          { kind: 'postChildren', at: args.at, children: args.children, lastPath: args.lastPath },
          args.time,
        )
        break
      case 'LeafPosted':
        add({ kind: 'postLeaf', at: args.at, data: args.data }, args.time)
        break
      case 'WordsPosted':
        add({ kind: 'postWords', at: args.at, words: args.words }, args.time)
        break
      case 'ChildNamed':
        add({ kind: 'nameChild', at: args.at, ...child(args) }, args.time)
        break
      case 'ItemNamed':
        add(
          {
            kind: 'nameItem',
            at: args.at,
            ...child(args),
            predecessor: args.predecessor,
            predecessorPath: args.predecessorPath,
          },
          args.time,
        )
        break
      case 'NodeNamed':
        add(
          {
            kind: 'nameNode',
            at: args.at,
            ...child(args),
            encoding: args.encoding,
            encodingPath: args.encodingPath,
          },
          args.time,
        )
        break
      case 'ElementNamed':
        add({ kind: 'nameElement', at: args.at, index: Number(args.index), data: args.data }, args.time)
        break
      case 'WordNamed':
        add({ kind: 'nameWord', at: args.at, index: Number(args.index), words: args.words }, args.time)
        break
      case 'Decided':
        decided = OUTCOMES[args.outcome]
        break
    }
  }
  if (openedAt === undefined) throw new ChainError('unknown', `the chain has no events of dispute ${dispute}`)
  return { terms, seed, openedAt, moves, ...(named ? { named } : {}), ...(decided ? { decided } : {}) }
}

const child = ({ index, digest, siblings }: { index: bigint; digest: Hex; siblings: readonly Hex[] }) => ({
  index: Number(index),
  digest,
  siblings,
})

const FROM = { node: 0, state: 1, input: 2 } as const
const openingArgument = (opening: Opening) => ({ ...opening, from: FROM[opening.from] })

type Of<K extends MoveKind> = Extract<Move, { readonly kind: K }>
type Field = string | bigint | readonly Hex[] | JoinOpening | readonly ReturnType<typeof openingArgument>[]

/** A move's arguments after the dispute's number and `at`, in the contract's order. */
const MOVE_ARGUMENTS: { readonly [K in MoveKind]: (move: Of<K>) => readonly Field[] } = {
  postChildren: (m) => [m.children, m.lastPath],
  postLeaf: (m) => [m.data],
  postWords: (m) => [m.words],
  nameChild: (m) => [BigInt(m.index), m.digest, m.siblings],
  nameItem: (m) => [BigInt(m.index), m.digest, m.siblings, m.predecessor, m.predecessorPath],
  nameNode: (m) => [BigInt(m.index), m.digest, m.siblings, m.encoding, m.encodingPath],
  judgeJoin: (m) => [
    BigInt(m.index),
    m.digest,
    m.siblings,
    m.encoding,
    m.encodingPath,
    joinOpening(m.left),
    joinOpening(m.right),
  ],
  nameElement: (m) => [BigInt(m.index), m.data],
  judgeElement: (m) => [BigInt(m.index), m.data, m.encoding, m.openings.map(openingArgument)],
  nameWord: (m) => [BigInt(m.index), m.words],
  judgeWord: (m) => [BigInt(m.index), m.words, m.encoding, m.openings.map(openingArgument)],
}
/** A player may leave the digest of an absent side empty. */
const joinOpening = ({ digest, path }: JoinOpening): JoinOpening => ({
  digest: digest === '0x' ? `0x${'00'.repeat(32)}` : digest,
  path,
})

export const moveArguments = (dispute: number, move: Move): readonly unknown[] => [
  BigInt(dispute),
  move.at,
  ...(MOVE_ARGUMENTS[move.kind] as (move: Move) => readonly Field[])(move),
]

const NO_CONTEXT: Hex = `0x${'00'.repeat(32)}`

const taskArgument = (terms: TaskTerms) => ({
  ...terms,
  header: {
    ...terms.header,
    interfaceDigest: toHex(terms.header.interfaceDigest),
    itemsRoot: toHex(terms.header.itemsRoot),
  },
  steps: BigInt(terms.steps),
  context: terms.context ?? NO_CONTEXT,
})

const bytesOf = (hex: Hex): Uint8Array => Uint8Array.from(Buffer.from(hex.slice(2), 'hex'))
