import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FrameloomError, type ErrorCode } from '../../src/base/error.js';
import { createContext } from '../../src/cli/terminal/context.js';
import { exitCodeOf } from '../../src/cli/terminal/exit-code.js';
import { reportError } from '../../src/cli/run-command.js';
import { pipelineJsonSchemaText } from '../../src/pipeline/json-schema.js';
import { frameloom, recorder } from './support.js';

describe('the command line', () => {
  it('shows help and version, and is content', async () => {
    const help = await frameloom('--help');
    expect(help.code).toBe(0);
    expect(help.stdout).toContain('Examples:');
    expect(help.stdout).toContain('Exit codes: 0 done, 1 failed, 2 usage or bad input, 130');
    expect(await frameloom('--version')).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' });
  });

  it('has examples in every command’s help', async () => {
    const commands = [...(await frameloom('--help')).stdout.matchAll(/^ {2}([a-z]+) .*$/gm)]
      .map((match) => match[1] ?? '')
      .filter((name) => name !== 'help');
    expect(commands).toContain('schema');
    for (const command of commands) {
      const { code, stdout } = await frameloom(command, '--help');
      expect([command, code]).toEqual([command, 0]);
      expect(stdout).toContain(`$ frameloom ${command}`);
    }
  });

  it('suggests what was meant, and exits with 2', async () => {
    const command = await frameloom('shema');
    expect(command.code).toBe(2);
    expect(command.stderr).toContain('Did you mean schema?');
    const option = await frameloom('schema', '--outputt', 'x');
    expect(option.code).toBe(2);
    expect(option.stderr).toContain('Did you mean --output?');
    expect((await frameloom()).code).toBe(2);
  });

  it('refuses flags that contradict each other', async () => {
    const both = await frameloom('--quiet', 'schema', '--verbose');
    expect(both).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: --quiet and --verbose contradict each other\n',
    });
  });
});

describe('schema', () => {
  it('prints the JSON Schema, or writes it', async () => {
    expect((await frameloom('schema')).stdout).toBe(pipelineJsonSchemaText());
    const folder = await mkdtemp(join(tmpdir(), 'frameloom-'));
    try {
      const path = join(folder, 'deeper', 'schema.json');
      const { code, stdout, stderr } = await frameloom('schema', '-o', path);
      expect([code, stdout, stderr]).toEqual([0, '', `wrote ${path}\n`]);
      expect(await readFile(path, 'utf8')).toBe(pipelineJsonSchemaText());
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('errors', () => {
  it.each([
    ['bad-option', 2],
    ['bad-input', 2],
    ['not-found', 2],
    ['ffmpeg-failed', 1],
    ['diverged', 1],
    ['cancelled', 130],
  ] as [ErrorCode, number][])('of code %s exit with %i', (code, exit) => {
    expect(exitCodeOf(code)).toBe(exit);
  });

  const reporter = (terminal: ReturnType<typeof recorder>) => {
    const { log, terminal: screen } = createContext({}, terminal, new AbortController().signal);
    return { log, screen };
  };

  it('are lines for programs where those were asked for, of the words too', async () => {
    for (const [words, code, message] of [
      [['schema', '--outputt'], 2, "unknown option '--outputt' of schema"],
      [['--quiet', 'schema', '--verbose'], 2, '--quiet and --verbose contradict each other'],
      [['shema'], 2, "unknown command 'shema'"],
    ] as const) {
      const ended = await frameloom('--log-json', ...words);
      expect([ended.code, ended.stdout]).toEqual([code, '']);
      const line = JSON.parse(ended.stderr) as Record<string, unknown>;
      expect(line.level).toBe(50);
      expect(line.code).toBe('bad-option');
      expect(line.msg).toContain(message);
    }
  });

  it('are red on a terminal that has colours', () => {
    const terminal = { ...recorder(), colours: true };
    let stderr = '';
    terminal.err = (text) => void (stderr += text);
    reportError(new FrameloomError('bad-input', 'it is empty'), reporter(terminal));
    expect(stderr).toBe('\u001b[31merror: it is empty\u001b[39m\n');
  });

  it('of ours are one line with what to do', () => {
    const terminal = recorder();
    const error = new FrameloomError('bad-input', 'it is empty', {
      path: 'a.mp4',
      hint: 'record it again',
    });
    expect(reportError(error, reporter(terminal))).toBe(2);
    expect(terminal.stderr).toBe('error: a.mp4: it is empty (record it again)\n');
  });

  it('of any other kind show their stack and ask for a report', () => {
    const terminal = recorder();
    expect(reportError(new TypeError('x is not a function'), reporter(terminal))).toBe(1);
    expect(terminal.stderr).toContain('TypeError: x is not a function\n    at ');
    expect(terminal.stderr).toContain('Please report it');
  });
});

describe('the context', () => {
  const { signal } = new AbortController();

  it('logs to standard error, as words or as JSON', () => {
    const words = recorder();
    createContext({}, words, signal).log.warn('careful');
    expect(words.stderr).toBe('warning: careful\n');
    const json = recorder();
    createContext({ logJson: true }, json, signal).log.info('done', { steps: 3 });
    expect(JSON.parse(json.stderr)).toMatchObject({ msg: 'done', steps: 3 });
    expect(words.stdout + json.stdout).toBe('');
  });

  it('says less or more when asked', () => {
    const quiet = recorder();
    createContext({ quiet: true }, quiet, signal).log.warn('careful');
    expect(quiet.stderr).toBe('');
    const verbose = recorder();
    createContext({ verbose: true }, verbose, signal).log.debug('detail');
    expect(verbose.stderr).toBe('debug: detail\n');
  });
});
