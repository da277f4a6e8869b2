import { stat } from 'node:fs/promises'
import { LOCAL_CHAIN } from '@lockstep/contracts'
import type { Account, Hex } from 'viem'
import { mnemonicToAccount, privateKeyToAccount } from 'viem/accounts'
import { badInput } from '../cli-error.ts'
import { readBounded } from '../run/bounded-file.ts'

/** The words that every development chain knows: whoever reads them can spend what their accounts hold. */
const DEVELOPMENT_WORDS = 'test test test test test test test test test test test junk'

/** Who plays which part on a local chain. */
const DEVELOPMENT_ACCOUNTS = { deployer: 0, claimant: 1, challenger: 2 } as const
export type Role = keyof typeof DEVELOPMENT_ACCOUNTS

export const developmentAccount = (role: Role): Account =>
  mnemonicToAccount(DEVELOPMENT_WORDS, { addressIndex: DEVELOPMENT_ACCOUNTS[role] })

/** The account of a command: from a key file, or on a local chain the development account of its role. */
export const accountFor = async (
  role: Role,
  chainId: number,
  keyFile: string | undefined,
): Promise<Account> => {
  if (keyFile !== undefined) return privateKeyToAccount(await readKey(keyFile))
  if (chainId === LOCAL_CHAIN.id) return developmentAccount(role)
  throw badInput(
    'key-missing',
    '--key-file',
    'missing',
    `a file with a private key, on chain ${chainId}`,
    `The development keys are public: they are used on local chains (${LOCAL_CHAIN.id}) only.`,
  )
}

/** What is shown of a key file that cannot be used says nothing about what is in it. */
const readKey = async (path: string): Promise<Hex> => {
  const remedy =
    'Keep one private key in it, as 0x and 64 hexadecimal digits, readable by you only (chmod 600).'
  const text = new TextDecoder().decode(await readBounded(path, 1024, remedy)).trim()
  const { mode } = await stat(path)
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw badInput('key-exposed', path, 'readable by others', 'readable by you only', remedy)
  if (!/^(0x)?[0-9a-fA-F]{64}$/.test(text))
    throw badInput('key-malformed', path, 'no private key', 'a private key', remedy)
  return (text.startsWith('0x') ? text : `0x${text}`) as Hex
}
