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
import type { Nest } from '../nest.ts'

const manifest = JSON.parse(await readFile(new URL('node_modules/@nestjs/core/package.json', import.meta.url), 'utf8')) as { version: string }

// What the suites use is alike in both; the declared types of the two majors differ.
const nest: unknown = { major: 11, version: manifest.version, common, core, express, fastify, microservices, websockets, terminus, adapters: { 'socket.io': IoAdapter, ws: WsAdapter } }

export const nest11 = nest as Nest
