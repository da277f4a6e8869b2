import type { Game, Hex, Move, SegmentNamed, Terms, Timing } from '@lockstep/proof'
import { toHex } from '@lockstep/proof'
import {
  type Abi,
  createPublicClient,
  decodeErrorResult,
  decodeFunctionResult,
  encodeDeployData,
  encodeFunctionData,
  http,
  type PublicClient,
} from 'viem'
import { Disputes, Referee } from '../src/generated/index.ts'
import { type LocalChain, startLocalChain } from '../src/index.ts'
import { moveArguments } from './move-arguments.ts'

/** The account that deploys, the one that claims and the one that challenges: anvil's own. */
type Account = 'deployer' | 'claimant' | 'challenger'

export type Sent = { readonly ok: boolean; readonly gas: number; readonly error: string }

/** The referee's answer as a number or digest, or the name of its error. */
export type Asked = { readonly value: bigint | Hex | undefined; readonly error: string }

/** The disputes contract on a chain of its own, and the little that tests do with it. */
export type Stage = {
  readonly chain: LocalChain
  readonly contract: Hex
  /** Asks the referee itself. */
  readonly ask: (functionName: string, ...args: readonly unknown[]) => Promise<Asked>
  /** Makes a task, a claim with this root and a dispute about it; gives the dispute's number and when it began. */
  readonly dispute: (
    task: Terms['task'],
    header: Terms['header'],
    timing: Timing,
    root: Hex,
    named: SegmentNamed | undefined,
    time: number,
  ) => Promise<{ readonly number: number; readonly gas: number }>
  readonly send: (dispute: number, move: Move, time: number) => Promise<Sent>
  /** Whether the contract would take a move now, without sending it. */
  readonly tries: (dispute: number, move: Move) => Promise<Sent>
  readonly timeout: (dispute: number, time: number) => Promise<Sent>
  readonly read: (dispute: number) => Promise<Pick<Game, 'at' | 'outcome'> & { readonly deadline: number }>
}

type Receipt = { readonly status: Hex; readonly gasUsed: Hex; readonly contractAddress: Hex }

const OUTCOMES = ['none', 'open', 'claimant', 'challenger', 'void', 'closed'] as const
const GAS = '0x1c9c380' // 30 million
const BOND = 10n ** 18n

export const startStage = async (): Promise<Stage> => {
  const chain = await startLocalChain({
    args: ['--gas-limit', '60000000', '--timestamp', '1000000', '--accounts', '3', '--balance', '1000000000'],
  })
  const client: PublicClient = createPublicClient({ transport: http(chain.url) })
  const rpc = <T>(method: string, ...params: unknown[]): Promise<T> =>
    client.request({ method, params } as never) as Promise<T>
  const [deployer, claimant, challenger] = await rpc<Hex[]>('eth_accounts')
  const accounts: { readonly [A in Account]: Hex } = {
    deployer: deployer!,
    claimant: claimant!,
    challenger: challenger!,
  }

  const transact = async (from: Account, to: Hex | undefined, data: Hex, value: bigint, time?: number) => {
    if (time !== undefined) await rpc('evm_setNextBlockTimestamp', time)
    const hash = await rpc<Hex>('eth_sendTransaction', {
      from: accounts[from],
      ...(to ? { to } : {}),
      data,
      gas: GAS,
      value: `0x${value.toString(16)}`,
    })
    let receipt: Receipt | null = null
    while (!receipt) receipt = await rpc<Receipt | null>('eth_getTransactionReceipt', hash)
    return { ...receipt, ok: receipt.status === '0x1', gas: Number(receipt.gasUsed) }
  }
  const deploy = async (abi: Abi, bytecode: Hex, args: readonly unknown[]): Promise<Hex> =>
    (await transact('deployer', undefined, encodeDeployData({ abi, bytecode, args }), 0n)).contractAddress
  const referee = await deploy(Referee.abi, Referee.bytecode, [])
  const contract = await deploy(Disputes.abi, Disputes.bytecode, [
    referee,
    accounts.deployer,
    1000n,
    1_000_000n,
    1n,
  ])

  const errors = [...Disputes.abi, ...Referee.abi].filter((entry) => entry.type === 'error')
  const call = async (
    from: Account,
    data: Hex,
    value = 0n,
    to = contract,
  ): Promise<{ ok: boolean; gas: number; error: string; data: Hex }> => {
    try {
      const params = { from: accounts[from], to, data, gas: GAS, value: `0x${value.toString(16)}` }
      return { ok: true, gas: 0, error: '', data: await rpc<Hex>('eth_call', params, 'latest') }
    } catch (error) {
      return { ok: false, gas: 0, error: describe(error, errors), data: '0x' }
    }
  }
  const must = async <T extends { ok: boolean }>(what: string, sent: Promise<T>): Promise<T> => {
    const done = await sent
    if (!done.ok) throw new Error(`${what} was refused`)
    return done
  }
  const encode = (functionName: string, ...args: readonly unknown[]): Hex =>
    encodeFunctionData({ abi: Disputes.abi as Abi, functionName, args })
  let created = 0

  const createTask = async (
    task: Terms['task'],
    header: Terms['header'],
    timing: Timing,
    time: number,
  ): Promise<Hex> => {
    const { interfaceDigest, itemsRoot, ...counts } = header
    const terms = {
      header: { ...counts, interfaceDigest: toHex(interfaceDigest), itemsRoot: toHex(itemsRoot) },
      initialItem: task.initialItem,
      inputsRoot: task.inputsRoot,
      steps: BigInt(task.steps),
      segmentLength: task.segmentLength,
      // Every dispute has a task of its own: a claim's id is made of task, root and claimant.
      window: 5_000_000 + created++,
      ...timing,
      bond: BOND,
      context: `0x${'00'.repeat(32)}`,
    }
    const data = encode('createTask', terms)
    const preview = await call('deployer', data)
    if (!preview.ok) throw new Error(`createTask: ${preview.error}`)
    const id = decodeFunctionResult({ abi: Disputes.abi, functionName: 'createTask', data: preview.data })
    await must('createTask', transact('deployer', contract, data, 0n, time))
    return id
  }

  const claim = async (task: Hex, root: Hex, time: number): Promise<Hex> => {
    const data = encode('claim', task, root)
    const preview = await call('claimant', data, BOND)
    if (!preview.ok) throw new Error(`claim: ${preview.error}`)
    await must('claim', transact('claimant', contract, data, BOND, time))
    const id = decodeFunctionResult({ abi: Disputes.abi, functionName: 'claim', data: preview.data })
    return id
  }

  const moveData = (dispute: number, move: Move): Hex =>
    encode(move.kind, BigInt(dispute), move.at, ...moveArguments(move))
  const mover = (move: Move): Account => (move.kind.startsWith('post') ? 'claimant' : 'challenger')

  return {
    chain,
    contract,
    ask: async (functionName, ...args) => {
      const abi = Referee.abi as Abi
      const { ok, error, data } = await call(
        'deployer',
        encodeFunctionData({ abi, functionName, args }),
        0n,
        referee,
      )
      return ok
        ? { value: decodeFunctionResult({ abi, functionName, data }) as bigint | Hex, error: '' }
        : { value: undefined, error }
    },
    dispute: async (task, header, timing, root, named, time) => {
      // Every block has a time that the test chose: none is the machine's.
      const id = await claim(await createTask(task, header, timing, time), root, time)
      const data = named
        ? encode(
            'challengeSegment',
            id,
            BigInt(named.segment),
            named.checkpoint,
            named.checkpointPath,
            named.predecessor,
            named.predecessorPath,
          )
        : encode('challenge', id)
      const { gas } = await must('challenge', transact('challenger', contract, data, BOND, time))
      const { data: count } = await call('deployer', encode('disputeCount'))
      return { number: Number(BigInt(count)), gas }
    },
    send: async (dispute, move, time) => {
      const sent = await transact(mover(move), contract, moveData(dispute, move), 0n, time)
      return { ok: sent.ok, gas: sent.gas, error: '' }
    },
    tries: (dispute, move) => call(mover(move), moveData(dispute, move)),
    timeout: async (dispute, time) => {
      const sent = await transact('deployer', contract, encode('timeout', BigInt(dispute)), 0n, time)
      return { ok: sent.ok, gas: sent.gas, error: '' }
    },
    read: async (dispute) => {
      const { data } = await call('deployer', encode('getDispute', BigInt(dispute)))
      const { at, place } = decodeFunctionResult({ abi: Disputes.abi, functionName: 'getDispute', data })
      return { at, outcome: OUTCOMES[place.outcome] as Game['outcome'], deadline: place.deadline }
    },
  }
}

const describe = (error: unknown, abi: Abi): string => {
  for (let cause = error as { cause?: unknown; data?: unknown }; cause; cause = cause.cause as typeof cause) {
    if (typeof cause.data === 'string' && cause.data.length > 2) {
      try {
        const { errorName, args } = decodeErrorResult({ abi, data: cause.data as Hex })
        return `${errorName}(${args ?? ''})`
      } catch {
        return cause.data
      }
    }
  }
  return String(error)
}
