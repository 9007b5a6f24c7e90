/** Reasons that a tally has: a report is one line of a log. */
export const mostReasons = 5

/** Longest text of one, in characters, with how often it came. */
export const longestReason = 220
