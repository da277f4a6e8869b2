/**
 * An application as its assistant sees it: what is seen and what is done, both as symbols. One kind of model then serves
 * them all. `State` and `Action` are the application's own; the assistant never looks inside either.
 */
export type Environment<State, Action> = {
  /** Names the kind of application in episodes: `text`, `shell`, `grid` or one's own. */
  readonly name: string
  /** Symbols are integers from 0 below this; at most 512. */
  readonly symbols: number
  /** Symbols below 256 are bytes of UTF-8: what is written can be read in episodes, and redacted. */
  readonly bytes?: boolean
  /** What the person sees now, newest last; at most `length` symbols. */
  context(state: State, length: number): Uint16Array
  /** What the person did, as the symbols that follow the context of the state before it. */
  symbolsOf(action: Action, state: State): Uint16Array
  /** The action that these symbols mean after the context of `state`, or undefined where they mean none. */
  actionOf(symbols: Uint16Array, state: State): Action | undefined
  /** Where an offer may end, and the most symbols of one. */
  readonly offers: {
    /** `next` is what the model holds likeliest after these symbols, where it has looked that far. */
    ends(symbols: Uint16Array, state: State, next?: number): boolean
    readonly most: number
  }
  /** Actions that the person is spared if they take the offer whole, the one that accepts already counted. */
  saved(symbols: Uint16Array, state: State): number
}
