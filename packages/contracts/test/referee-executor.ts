import { encodeScalar, type ScalarProgram } from '@lockstep/tensor'
import { bytesToHex, createPublicClient, createTestClient, type Hex, hexToBytes, http } from 'viem'
import { startLocalChain } from '../src/index.ts'
import { ScalarHarness } from './generated/index.ts'

/**
 * The contract's interpreter of scalar programs as an executor: rows of arguments go through it in batches, each one
 * call to a harness on a local chain of its own. It is a ScalarExecutor of the conformance suite.
 */
export type RefereeExecutor = {
  readonly name: 'referee'
  /**
   * `args` holds `count` rows of one word an argument; `coordinates`, where given, as many rows of `rank` words.
   * The result has one word a row.
   */
  readonly run: (
    program: ScalarProgram,
    args: Uint32Array,
    count: number,
    coordinates?: Uint32Array,
  ) => Promise<Uint32Array>
  /** Of an encoded program, well-formed or not: the call's answer, or the custom error's name. */
  readonly runEncoded: (program: Uint8Array, args: readonly number[]) => Promise<number | string>
  /** Gas that the interpreter itself has used so far. */
  readonly gasUsed: () => bigint
  readonly stop: () => Promise<void>
}

const HARNESS = '0x00000000000000000000000000000000000010ad' satisfies Hex
const ROWS = 2_000

const packed = (words: Uint32Array): Hex => {
  const bytes = new Uint8Array(words.length * 4)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < words.length; i++) view.setUint32(i * 4, words[i]!)
  return bytesToHex(bytes)
}

export const startRefereeExecutor = async (): Promise<RefereeExecutor> => {
  const chain = await startLocalChain({ args: ['--gas-limit', `${2 ** 40}`, '--memory-limit', `${2 ** 31}`] })
  try {
    const client = createPublicClient({ transport: http(chain.url, { retryCount: 0, timeout: 120_000 }) })
    const test = createTestClient({ mode: 'anvil', transport: http(chain.url) })
    const { data: code } = await client.call({ data: ScalarHarness.bytecode })
    await test.setCode({ address: HARNESS, bytecode: code! })
    let gasUsed = 0n

    const call = async (
      program: Uint8Array,
      arity: number,
      args: Uint32Array,
      rank: number,
      coordinates: Uint32Array,
      rows: number,
    ): Promise<DataView> => {
      const [results, gas] = await client.readContract({
        address: HARNESS,
        abi: ScalarHarness.abi,
        functionName: 'runAll',
        args: [
          bytesToHex(program),
          packed(args),
          BigInt(arity),
          packed(coordinates),
          BigInt(rank),
          BigInt(rows),
        ],
      })
      gasUsed += gas
      return new DataView(hexToBytes(results).buffer)
    }

    return {
      name: 'referee',
      run: async (program, args, count, coordinates = new Uint32Array()) => {
        const encoded = encodeScalar(program)
        const arity = program.args.length
        const rank = count === 0 ? 0 : coordinates.length / count
        const words = new Uint32Array(count)
        for (let from = 0; from < count; from += ROWS) {
          const to = Math.min(from + ROWS, count)
          const results = await call(
            encoded,
            arity,
            args.subarray(from * arity, to * arity),
            rank,
            coordinates.subarray(from * rank, to * rank),
            to - from,
          )
          for (let i = from; i < to; i++) words[i] = results.getUint32((i - from) * 4)
        }
        return words
      },
      runEncoded: async (program, args) => {
        try {
          return (
            await call(program, args.length, Uint32Array.from(args), 0, new Uint32Array(), 1)
          ).getUint32(0)
        } catch (error) {
          return error instanceof Error ? error.message : String(error)
        }
      },
      gasUsed: () => gasUsed,
      stop: chain.stop,
    }
  } catch (error) {
    await chain.stop()
    throw error
  }
}
