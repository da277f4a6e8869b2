/** Answers near the right one and far from it: most are wrong, and an oracle says which. At most 96 characters. */
export const answersNear = (solution: string, other: string, seed: number): string[] => {
  const at = seed % solution.length
  const code = solution.charCodeAt(at)
  const put = (text: string) => solution.slice(0, at) + text + solution.slice(at + 1)
  const full = (text: string) => text.repeat(96).slice(0, 96)
  return [
    '',
    other,
    put(''),
    put(String.fromCharCode(code + 1)),
    put(String.fromCharCode(code - 1)),
    put(solution[at]! + solution[at]!),
    [...solution].reverse().join(''),
    `${solution} `,
    ` ${solution}`,
    `0${solution}`,
    `(${solution})`,
    `((((((${solution}))))))`,
    solution + solution,
    solution.slice(0, -1),
    full(solution),
    full(`${solution}${other}`),
    full('~'),
    full('('),
    full('9'),
    full('1+'),
    full('udlr'),
    full('rrddlluu'),
    full('ab'),
    full('a1'),
    'no',
    String.fromCharCode(0, 127, 10),
  ].filter((answer) => answer.length <= 96)
}
