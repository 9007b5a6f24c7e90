import { readFile } from 'node:fs/promises'
import * as common from '@nestjs/common'
import * as core from '@nestjs/core'
import * as express from '@nestjs/platform-express'
import * as fastify from '@nestjs/platform-fastify'
import { nestSuite, type Nest } from '../nest-suite.ts'

const manifest = JSON.parse(await readFile(new URL('node_modules/@nestjs/core/package.json', import.meta.url), 'utf8')) as { version: string }

// What the suite uses is alike in both; the declared types of the two majors differ.
const nest: unknown = { major: 11, version: manifest.version, common, core, express, fastify }
nestSuite(nest as Nest)
