import type { Fn, Local } from '../emitter.ts'

/** A loop of i, from where it stands, while i + by <= to. i is left where it stopped. */
export const steps = (f: Fn, i: Local, to: Local, by: number, body: () => void): void => {
  const fits = (): Fn => f.get(i).i32(by).op('i32.add').get(to).op('i32.le_u')
  fits().if(() => {
    f.loop((again) => {
      body()
      f.get(i).i32(by).op('i32.add').set(i)
      fits().brIf(again)
    })
  })
}
