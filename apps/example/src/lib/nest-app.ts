import 'reflect-metadata'
import { Catch, Module, type ArgumentsHost, type ExceptionFilter, type INestApplication } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { Response } from 'express'
import { endToken, ordersToken } from './nest-tokens.ts'
import { OrdersController } from './orders-controller.ts'
import type { Orders } from './orders.ts'
import { answerFor } from './request-error.ts'

/** The API on NestJS. `end` aborts when long streams shall say goodbye. */
export async function createNestApp(orders: Orders, end: AbortSignal): Promise<INestApplication> {
  const module = {
    module: OrdersModule,
    controllers: [OrdersController],
    providers: [
      { provide: ordersToken, useValue: orders },
      { provide: endToken, useValue: end },
    ],
  }
  const app = await NestFactory.create(module, { logger: ['warn', 'error'], abortOnError: false })
  app.useGlobalFilters(new AnswerFilter())
  return app
}

@Module({})
class OrdersModule {}

@Catch()
class AnswerFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>()
    if (response.headersSent) {
      response.destroy()
      return
    }
    const { status, body } = answerFor(statusKnown(error))
    response.status(status).json(body)
  }
}

/** Nest's own exceptions (an unknown path) tell their status by a method. */
function statusKnown(error: unknown): unknown {
  const getStatus = (error as { getStatus?: () => number } | null)?.getStatus
  return error instanceof Error && typeof getStatus === 'function' ? Object.assign(error, { status: getStatus.call(error) }) : error
}
