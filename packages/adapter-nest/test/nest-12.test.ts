import { readFile } from 'node:fs/promises'
import * as common from '@nestjs/common'
import * as core from '@nestjs/core'
import * as express from '@nestjs/platform-express'
import * as fastify from '@nestjs/platform-fastify'
import { nestSuite } from './nest-suite.ts'

const manifest = JSON.parse(await readFile(new URL('../node_modules/@nestjs/core/package.json', import.meta.url), 'utf8')) as { version: string }

nestSuite({ major: 12, version: manifest.version, common, core, express, fastify })
