import { spawn } from 'node:child_process'
import { findFoundryBinary, missingBinary } from './foundry-binary.ts'
import { LocalChainError } from './local-chain-error.ts'

/** What a local chain is, wherever it is started: the same rules as the chain that is deployed to. */
export const LOCAL_CHAIN = { id: 31337, hardfork: 'osaka', host: '127.0.0.1' } as const

export type AnvilProcess = {
  readonly url: string
  readonly port: number
  readonly pid: number
  /** Fulfilled when the process has ended, asked or not, with its exit code (null after a signal). */
  readonly ended: Promise<number | null>
  /** Ends it and waits until its port is free again. May be called twice. */
  readonly stop: () => Promise<void>
}

/**
 * Starts anvil on a loopback port and returns when it answers.
 * The process ends with `stop`, and with this process where that ends in the ordinary way.
 */
export const startAnvil = async (
  port: number,
  args: readonly string[],
  timeout: number,
  hosts: readonly string[] = [LOCAL_CHAIN.host],
): Promise<AnvilProcess> => {
  const binary = findFoundryBinary('anvil')
  if (binary === undefined) throw new LocalChainError('anvil-missing', missingBinary('anvil'))

  const { id, hardfork, host } = LOCAL_CHAIN
  const child = spawn(
    binary,
    ['--host', hosts.join(','), '--port', `${port}`, '--chain-id', `${id}`, '--hardfork', hardfork, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const ended = new Promise<number | null>((resolve) => {
    child.once('exit', (code) => resolve(code))
    child.once('error', () => resolve(null))
  })
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  void ended.then(() => process.off('exit', killWithUs))

  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    const impatience = setTimeout(() => child.kill('SIGKILL'), 2_000)
    await ended
    clearTimeout(impatience)
  }

  let output = ''
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors = (errors + chunk).slice(-4096)
  })
  const listening = new Promise<number>((resolve, reject) => {
    const timer = setTimeout(
      () =>
        reject(new LocalChainError('start-timeout', `anvil did not listen within ${timeout} ms: ${errors}`)),
      timeout,
    )
    child.stdout.on('data', (chunk) => {
      output = (output + chunk).slice(-4096)
      const found = /Listening on [^\s,]+:(\d+)[,\s]/.exec(output)
      if (!found) return
      clearTimeout(timer)
      // The pipe must go on being emptied, or a full one would stop the chain.
      child.stdout.removeAllListeners('data').resume()
      resolve(Number(found[1]))
    })
    child.once('error', (error) => {
      clearTimeout(timer)
      reject(new LocalChainError('start-failed', `anvil (${binary}) could not be started: ${error.message}`))
    })
    child.once('close', (code) => {
      clearTimeout(timer)
      reject(
        /address already in use/i.test(errors)
          ? new LocalChainError(
              'port-in-use',
              `port ${port} is in use on ${host}: stop its owner or name another`,
            )
          : new LocalChainError('start-failed', `anvil ended with code ${code}: ${errors.trim()}`),
      )
    })
  })

  try {
    const actual = await listening
    return { url: `http://${host}:${actual}`, port: actual, pid: child.pid!, ended, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
