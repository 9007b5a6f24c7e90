import { readFile } from 'node:fs/promises'
import * as common from '@nestjs/common'
import * as core from '@nestjs/core'
import * as microservices from '@nestjs/microservices'
import * as express from '@nestjs/platform-express'
import * as fastify from '@nestjs/platform-fastify'
import { IoAdapter } from '@nestjs/platform-socket.io'
import { WsAdapter } from '@nestjs/platform-ws'
import * as terminus from '@nestjs/terminus'
import * as websockets from '@nestjs/websockets'
import type { Nest } from './nest.ts'

const manifest = JSON.parse(await readFile(new URL('../node_modules/@nestjs/core/package.json', import.meta.url), 'utf8')) as { version: string }

export const nest12: Nest = { major: 12, version: manifest.version, common, core, express, fastify, microservices, websockets, terminus, adapters: { 'socket.io': IoAdapter, ws: WsAdapter } }
