/**
 * What may be done with a text that somebody else wrote: an error's message may carry a stranger's whole request. It is cut before anything else is done
 * with it, and every step takes linear time.
 */

/** Longest text that is made of a foreign value, in characters. More helps nobody, and every reader would have to bound it again. */
export const longestText = 2_000

/** Of an error with its stack: the message comes first, the newest frames behind it. */
const longestStack = 16_000

/** One line of at most 2,000 characters, which neither moves a terminal's cursor nor reads from right to left. */
export function oneLine(text: string): string {
  return bounded(visible(cut(text, longestText).replaceAll(/\s+/g, (space) => (/[\n\t]/.test(space) ? ' ' : space))), longestText)
}

/** Several lines of at most 16,000 characters; all but the first are indented, so that none of them passes for a line of the log. */
export function severalLines(text: string): string {
  const short = text.length <= longestStack ? text : `${cut(text, longestStack / 2)}\n    ${text.slice(-longestStack / 2)}`
  return bounded(visible(short.replaceAll(/\n(?!\s)/g, '\n    ')), longestStack)
}

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text
}

/** What was cut may have grown: a sign's code is up to six times as long as the sign. A little more than `most` is what a cut has added. */
function bounded(text: string, most: number): string {
  return text.length > most + 40 ? `${text.slice(0, most).replace(/[\ud800-\udbff]$/, '')}…` : text
}

/** Control characters, halves of characters that a cut has left, and what turns the direction of a text, as their codes. */
function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (sign) => (sign === '\n' || sign === '\t' ? sign : codeOf(sign)))
}

function codeOf(sign: string): string {
  const code = sign.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}
