import type * as common from '@nestjs/common'
import type * as core from '@nestjs/core'
import type * as microservices from '@nestjs/microservices'
import type * as express from '@nestjs/platform-express'
import type * as fastify from '@nestjs/platform-fastify'
import type { IoAdapter } from '@nestjs/platform-socket.io'
import type { WsAdapter } from '@nestjs/platform-ws'
import type * as terminus from '@nestjs/terminus'
import type * as websockets from '@nestjs/websockets'

/** One major of Nest. */
export interface Nest {
  readonly major: number
  readonly version: string
  readonly common: typeof common
  readonly core: typeof core
  readonly express: typeof express
  readonly fastify: typeof fastify
  readonly microservices: typeof microservices
  readonly websockets: typeof websockets
  readonly terminus: typeof terminus
  readonly adapters: { readonly 'socket.io': typeof IoAdapter; readonly ws: typeof WsAdapter }
}

/** Decorates one method, as TypeScript's decorators do; they are called as functions, since each major has its own. */
export function decorate(target: { prototype: object }, method: string, ...decorators: readonly unknown[]): void {
  const descriptor = Object.getOwnPropertyDescriptor(target.prototype, method) as TypedPropertyDescriptor<unknown>
  for (const each of decorators as MethodDecorator[]) each(target.prototype, method, descriptor)
}
