import { link, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { type Fault, fail, ok, type Result } from '@lockstep/tensor'
import { type Address, bytesToHex, getAddress } from 'viem'
import { syncDirectory } from '../atomic-file.ts'
import {
  encodeDelegation,
  MAX_DELEGATION_BYTES,
  parseDelegation,
  type SignedDelegation,
} from './delegation.ts'
import {
  type Keystore,
  MAX_KEYSTORE_BYTES,
  parseKeystore,
  type ScryptCost,
  sealSecret,
  unsealSecret,
} from './keystore.ts'
import { acceptPassphrase } from './passphrase.ts'
import { makePrivateDirectory, readPrivate, writePrivate } from './private-file.ts'
import { Secret } from './secret.ts'

/** Current keys are used; the next one waits until the chain knows it; retired ones end what they have begun. */
export type KeyPlace = 'current' | 'next' | 'retired'
export type KeyEntry = { readonly name: string; readonly place: KeyPlace; readonly address: Address }

const NAME = /^[a-z0-9][a-z0-9-]{0,31}$/
const FILE = /^([a-z0-9][a-z0-9-]{0,31})(?:\.(next)|\.(0x[0-9a-f]{40})\.retired)?\.json$/
const REMEDY = 'Restore the file from a copy, or import the key again.'

/**
 * A directory of keystores, one file a key, and of the delegations that these keys have. NAME.json is the key in use;
 * a rotation writes NAME.next.json first, and keeps the old one as NAME.ADDRESS.retired.json. Each change is one
 * rename, so that a process that is killed in between leaves something to go on with.
 */
export type Keyring = {
  readonly directory: string
  list(): Promise<Result<KeyEntry[]>>
  /** Puts a secret under a new name, sealed. */
  add(name: string, secret: Secret, passphrase: string): Promise<Result<KeyEntry>>
  /** The secret of a key that is in use, or that has been retired where `address` names it. */
  unlock(name: string, passphrase: string, address?: Address): Promise<Result<Secret>>
  changePassphrase(name: string, old: string, fresh: string): Promise<Result<KeyEntry>>
  /** Makes the key that is to follow, or gives the one that is waiting already. */
  beginRotation(name: string, passphrase: string): Promise<Result<KeyEntry>>
  /** The next key becomes the current one, and that one retires. To be called when the chain knows the next one. */
  finishRotation(name: string): Promise<Result<{ current: KeyEntry; retired: Address }>>
  saveDelegation(delegation: SignedDelegation): Promise<Result<SignedDelegation>>
  /** The newest word of an account about this key, if there is one. */
  delegation(key: Address): Promise<Result<SignedDelegation | undefined>>
}

/** Opens a directory of keys. It is made with the first thing that is kept in it: who only looks leaves nothing. */
export const openKeyring = async (directory: string, cost?: ScryptCost): Promise<Keyring> => {
  const delegations = join(directory, 'delegations')
  const make = async (): Promise<void> => {
    await makePrivateDirectory(directory)
    await makePrivateDirectory(delegations)
  }
  const fileOf = (name: string, place: KeyPlace = 'current', address?: Address): string =>
    join(
      directory,
      place === 'current'
        ? `${name}.json`
        : place === 'next'
          ? `${name}.next.json`
          : `${name}.${address?.toLowerCase()}.retired.json`,
    )
  const delegationFile = (key: Address): string => join(delegations, `${key.toLowerCase()}.json`)

  const read = async (path: string): Promise<Result<Keystore>> => {
    const bytes = await readPrivate(path, MAX_KEYSTORE_BYTES, REMEDY)
    if (!bytes.ok) return bytes
    const keystore = parseKeystore(bytes.value)
    return keystore.ok ? keystore : fail({ ...keystore.fault, field: `${keystore.fault.field} of ${path}` })
  }

  const entry = async (name: string, place: KeyPlace = 'current'): Promise<Result<KeyEntry | undefined>> => {
    const keystore = await read(fileOf(name, place)).catch(absent)
    if (keystore === undefined) return ok(undefined)
    if (!keystore.ok) return keystore
    const address = addressOf(keystore.value, fileOf(name, place))
    return address.ok ? ok({ name, place, address: address.value }) : address
  }

  const seal = async (name: string, place: KeyPlace, secret: Secret, passphrase: string) => {
    const text = await sealSecret(secret, passphrase, cost)
    // What cannot be opened again must not be all there is of a key.
    const again = parseKeystore(new TextEncoder().encode(text))
    const opened = again.ok ? await unsealSecret(again.value, passphrase) : again
    if (!opened.ok || opened.value.address !== secret.address)
      throw new Error('a new keystore does not give its key back')
    opened.value.wipe()
    const path = fileOf(name, place)
    await make()
    if (!(await writePrivate(path, text))) return fail(taken(name, path))
    return ok({ name, place, address: secret.address })
  }

  const unlock: Keyring['unlock'] = async (name, passphrase, address) => {
    const named = checkName(name)
    if (!named.ok) return named
    const current = await read(fileOf(name)).catch(absent)
    if (current === undefined) return fail(missing(name, directory))
    if (!current.ok) return current
    if (address === undefined) return unsealSecret(current.value, passphrase)
    const known = addressOf(current.value, fileOf(name))
    if (known.ok && known.value.toLowerCase() === address.toLowerCase())
      return unsealSecret(current.value, passphrase)
    for (const path of [fileOf(name, 'retired', address), fileOf(name, 'next')]) {
      const other = await read(path).catch(absent)
      if (other === undefined) continue
      if (!other.ok) return other
      const found = addressOf(other.value, path)
      if (found.ok && found.value.toLowerCase() === address.toLowerCase())
        return unsealSecret(other.value, passphrase)
    }
    return fail(missing(`${name} with address ${address}`, directory))
  }

  return {
    directory,
    unlock,

    async list() {
      const entries: KeyEntry[] = []
      for (const file of ((await readdir(directory).catch(absent)) ?? []).sort()) {
        const [, name, next, retired] = FILE.exec(file) ?? []
        if (name === undefined) continue
        const keystore = await read(join(directory, file))
        if (!keystore.ok) return keystore
        const address = addressOf(keystore.value, join(directory, file))
        if (!address.ok) return address
        const place = next ? 'next' : retired ? 'retired' : 'current'
        entries.push({ name, place, address: address.value })
      }
      return ok(entries)
    },

    async add(name, secret, passphrase) {
      const named = checkName(name)
      if (!named.ok) return named
      const accepted = acceptPassphrase(passphrase)
      if (!accepted.ok) return accepted
      const present = await entry(name)
      if (!present.ok) return present
      if (present.value) return fail(taken(name, fileOf(name)))
      return seal(name, 'current', secret, passphrase)
    },

    async changePassphrase(name, old, fresh) {
      const accepted = acceptPassphrase(fresh)
      if (!accepted.ok) return accepted
      const opened = await unlock(name, old)
      if (!opened.ok) return opened
      using secret = opened.value
      const text = await sealSecret(secret, fresh, cost)
      await writePrivate(fileOf(name), text, { replace: true })
      return ok({ name, place: 'current', address: secret.address })
    },

    async beginRotation(name, passphrase) {
      const waiting = await entry(name, 'next')
      if (!waiting.ok) return waiting
      // The passphrase must open the current key, so that both have the same one.
      const opened = await unlock(name, passphrase, waiting.value?.address)
      if (!opened.ok) return opened
      opened.value.wipe()
      if (waiting.value) return ok(waiting.value)
      using secret = Secret.generate()
      return await seal(name, 'next', secret, passphrase)
    },

    async finishRotation(name) {
      const named = checkName(name)
      if (!named.ok) return named
      const [current, next] = [await entry(name), await entry(name, 'next')]
      if (!current.ok) return current
      if (!next.ok) return next
      if (!current.value) return fail(missing(name, directory))
      if (!next.value)
        return fail({
          code: 'rotation-missing',
          field: 'name',
          value: name,
          limit: 'a key whose rotation has begun',
          remedy: 'Begin one first.',
        })
      const { address } = current.value
      // A second name for the same file: killed here, the same call finds it and goes on.
      await link(fileOf(name), fileOf(name, 'retired', address)).catch(present)
      await syncDirectory(directory)
      await rename(fileOf(name, 'next'), fileOf(name))
      await syncDirectory(directory)
      return ok({ current: { ...next.value, place: 'current' }, retired: address })
    },

    async saveDelegation(delegation) {
      await make()
      await writePrivate(delegationFile(delegation.key), encodeDelegation(delegation), { replace: true })
      return ok(delegation)
    },

    async delegation(key) {
      const bytes = await readPrivate(delegationFile(key), MAX_DELEGATION_BYTES, REMEDY).catch(absent)
      if (bytes === undefined) return ok(undefined)
      return bytes.ok ? parseDelegation(bytes.value) : bytes
    },
  }
}

const absent = (error: NodeJS.ErrnoException): undefined => {
  if (error.code === 'ENOENT') return undefined
  throw error
}

const present = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EEXIST') throw error
}

const addressOf = ({ address }: Keystore, path: string): Result<Address> => {
  if (address) return ok(getAddress(bytesToHex(address)))
  return fail({
    code: 'keystore-malformed',
    field: `address of ${path}`,
    value: 'missing',
    limit: 'the address of the key in it',
    remedy: 'Import the file, which writes it anew.',
  })
}

const checkName = (name: string): Result<string> =>
  NAME.test(name)
    ? ok(name)
    : fail({
        code: 'key-name-malformed',
        field: 'name',
        value: name.slice(0, 64),
        limit: 'lower-case letters, digits and dashes; at most 32',
        remedy: 'Choose another name.',
      })

const taken = (name: string, path: string): Fault => ({
  code: 'key-exists',
  field: 'name',
  value: name,
  limit: `a name that is free in ${path}`,
  remedy: 'Choose another name; a key is never overwritten.',
})

const missing = (name: string, directory: string): Fault => ({
  code: 'key-missing',
  field: 'name',
  value: name,
  limit: `a key in ${directory}`,
  remedy: 'Create or import it first.',
})
