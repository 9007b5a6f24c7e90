import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Body, Controller, Get, Inject, Param, Post, Query, Res } from '@nestjs/common'
import type { Response } from 'express'
import { endToken, ordersToken } from './nest-tokens.ts'
import type { Order } from './order.ts'
import type { Orders } from './orders.ts'
import { streamMs } from './stream-ms.ts'

@Controller('orders')
export class OrdersController {
  readonly #orders: Orders
  readonly #end: AbortSignal

  constructor(@Inject(ordersToken) orders: Orders, @Inject(endToken) end: AbortSignal) {
    this.#orders = orders
    this.#end = end
  }

  @Post()
  place(@Body() body: unknown): Promise<Order> {
    return this.#orders.place(body)
  }

  @Get(':id')
  find(@Param('id') id: string): Promise<Order> {
    return this.#orders.find(id)
  }

  @Get(':id/events')
  async watch(@Param('id') id: string, @Query('forMs') forMs: unknown, @Res() response: Response): Promise<void> {
    const events = await this.#orders.watch(id, { forMs: streamMs(forMs), end: this.#end })
    response.set({ 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    // A client that goes away is the usual end of a stream, not an error.
    await pipeline(Readable.from(events), response).catch(() => response.destroy())
  }
}
