import { type Policy, WEEKDAYS } from '../config/schema.ts'

/** A moment as the owner's clock on the wall shows it. */
export type WallTime = {
  /** 0 is Sunday. */ readonly weekday: number /** Since midnight. */
  readonly minute: number
}

export const wallTime = (date: Date): WallTime => ({
  weekday: date.getDay(),
  minute: date.getHours() * 60 + date.getMinutes(),
})

/**
 * Whether work may begin now. A span whose end is not after its beginning lasts into the next day, and its days are
 * those on which it begins; equal ends are a whole day. No spans at all are always.
 */
export const withinHours = (hours: Policy['caps']['hours'], { weekday, minute }: WallTime): boolean =>
  hours.length === 0 ||
  hours.some(({ from, to, days }) => {
    const [begin, end] = [minuteOf(from), minuteOf(to)]
    const begins = (day: number): boolean => days === undefined || days.includes(WEEKDAYS[day]!)
    const yesterday = (weekday + 6) % 7
    if (begin < end) return begins(weekday) && minute >= begin && minute < end
    return (begins(weekday) && minute >= begin) || (begins(yesterday) && minute < end)
  })

const minuteOf = (text: string): number => {
  const [hours, minutes] = text.split(':').map(Number)
  return hours! * 60 + minutes!
}
