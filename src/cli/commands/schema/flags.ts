import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { writeFileAtomic } from '../../../base/outputs.js';
import type { Register } from '../../command.js';
import { EXIT } from '../../terminal/exit-code.js';
import { refuseIdle } from '../../idle-options.js';
import { addOverwriteFlag } from '../../output/flags.js';

/** `frameloom schema` */
export const registerSchema: Register = (program, run) => {
  const command = program
    .command('schema')
    .description('print the JSON Schema of pipelines, which editors complete and check by')
    .option('-o, --output <file>', 'write it to a file instead');
  addOverwriteFlag(command)
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom schema -o schema/pipeline.schema.json
  and as a pipeline's first line:
  # yaml-language-server: $schema=../schema/pipeline.schema.json`,
    )
    .action((options: { output?: string; overwrite?: boolean }, self: Command) =>
      run(async ({ terminal, log }) => {
        const { pipelineJsonSchemaText } = await import('../../../pipeline/json-schema.js');
        const text = pipelineJsonSchemaText();
        const { output, overwrite = false } = options;
        const why = output === undefined && 'without -o';
        refuseIdle({ option: '--overwrite', given: overwrite, why });
        if (output === undefined) terminal.out(text);
        else if ((await readFile(output, 'utf8').catch(() => undefined)) === text) {
          log.info(`${output} is up to date`);
        } else {
          await writeFileAtomic(output, text, { overwrite, log });
          log.info(`wrote ${output}`);
        }
        return EXIT.ok;
      }, self),
    );
};
