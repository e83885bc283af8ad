#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { processTerminal } from './context.js';
import { runCommandLine } from './run-command.js';

const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(readFileSync(packageFile, 'utf8')) as { version: string };

process.exitCode = await runCommandLine(process.argv.slice(2), version, processTerminal());
