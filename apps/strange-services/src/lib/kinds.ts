/** The kinds of fault that were seen in services, each in a few words. A scenario names one of them. */
export const kinds = {
  'early-return': 'a handler returns before all it was given is done',
  deferred: 'a handler leaves something to its client’s loop: a seek, a pause',
  'closed-too-soon': 'something is closed that a dependent still needs',
  'fails-in-drain': 'work fails while the drain waits for it',
  'out-of-sight': 'work begun by an event, a timer, or after the answer',
  'other-listeners': 'a framework’s other listeners, workers and children',
  outvoted: 'what the application says of a connection outvotes the stop',
  'last-callback': 'something asynchronous at the very end of the process',
  'crash-report': 'what another SDK would have sent at the end',
  'died-for-good': 'a resource died by itself, and the service lives on',
  competitor: 'somebody else listens to the signal, or to fatal errors',
  'late-use': 'a client is used after it was closed',
  runner: 'the process is a test runner',
  'not-work': 'probes and scrapers, which are not work',
  'held-open': 'a library holds requests open',
  'nothing-begun': 'what a client has begun and no handler has',
  'nothing-in-hand': 'a wait with nothing in hand',
  churn: 'a copied snippet that must survive months',
  'to-the-end': 'something that must be there to the very end',
  pipeline: 'work that goes through several clients',
  transaction: 'work that is a transaction',
} as const

export type Kind = keyof typeof kinds
