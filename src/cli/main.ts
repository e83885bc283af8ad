#!/usr/bin/env node
import module from 'node:module';

// What was compiled once is not compiled again, where Node keeps that (22.1 and later): a tenth less until a first frame.
(module as { readonly enableCompileCache?: () => unknown }).enableCompileCache?.();
await import('./start.js');
