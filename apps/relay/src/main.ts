#!/usr/bin/env node
import { runProgram } from './run-program.js';

void runProgram(process.argv.slice(2));
