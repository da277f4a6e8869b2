import { AssistError, type AssistStorage, STORAGE_LIMITS } from '../src/index.ts'

/** What every storage does, tried on an empty one: what is not so, in words. It ends with the keys `a/a.x` and `b`. */
export const brokenLaws = async (storage: AssistStorage): Promise<string[]> => {
  const broken: string[] = []
  const law = (words: string, holds: boolean): void => {
    if (!holds) broken.push(words)
  }
  const isValue = async (key: string, ...bytes: number[]): Promise<boolean> => {
    const value = await storage.get(key)
    return value !== undefined && value.join() === bytes.join()
  }
  const isRefused = (work: Promise<unknown>): Promise<boolean> =>
    work.then(
      () => false,
      (error) => error instanceof AssistError,
    )
  law('what was never put is not there', (await storage.get('a/b')) === undefined)
  const value = Uint8Array.of(1, 2)
  await storage.put('a/b', value)
  value[0] = 9
  law('what was put stays as it was put', await isValue('a/b', 1, 2))
  const got = (await storage.get('a/b'))!
  got[0] = 7
  law('what was got is a copy', await isValue('a/b', 1, 2))
  await storage.put('a/b', new Uint8Array(0))
  law('a put takes the place of the one before, an empty one too', await isValue('a/b'))
  await storage.put('a/a.x', value)
  await storage.put('b', value)
  law('a list has the keys of a prefix in order', (await storage.list('a/')).join() === 'a/a.x,a/b')
  law('a list has all keys', (await storage.list('')).join() === 'a/a.x,a/b,b')
  await storage.delete('a/b')
  await storage.delete('never')
  law('what was deleted is gone', (await storage.list('a/')).join() === 'a/a.x')
  const long = 'x'.repeat(STORAGE_LIMITS.key + 1)
  for (const key of ['', '/', 'a/', '../x', 'a/../../x', '.', 'A', 'a b', 'a~0', long]) {
    law(`${key} is refused to put`, await isRefused(storage.put(key, value)))
    law(`${key} is refused to get`, await isRefused(storage.get(key)))
    law(`${key} is refused to delete`, await isRefused(storage.delete(key)))
  }
  law(
    'a value can be too long',
    await isRefused(storage.put('big', new Uint8Array(STORAGE_LIMITS.value + 1))),
  )
  law('nothing stays of it', (await storage.get('big')) === undefined)
  return broken
}
