/** Injection token of the domain, an {@link import('./orders.ts').Orders}. */
export const ordersToken: unique symbol = Symbol('orders')

/** Injection token of the AbortSignal that aborts when long streams shall say goodbye. */
export const endToken: unique symbol = Symbol('end of streams')
