import type { Command } from 'commander';
import { writeFileAtomic } from '../../base/outputs.js';
import type { Register } from '../command.js';
import { EXIT } from '../exit-code.js';

/** `frameloom schema` */
export const registerSchema: Register = (program, run) => {
  program
    .command('schema')
    .description('print the JSON Schema of pipelines, which editors complete and check by')
    .option('-o, --output <file>', 'write it to a file instead')
    .addHelpText(
      'after',
      `
Examples:
  $ frameloom schema -o schema/pipeline.schema.json
  and as a pipeline's first line:
  # yaml-language-server: $schema=../schema/pipeline.schema.json`,
    )
    .action((options: { output?: string }, command: Command) =>
      run(async ({ terminal, log }) => {
        const { pipelineJsonSchemaText } = await import('../../pipeline/json-schema.js');
        if (options.output === undefined) terminal.out(pipelineJsonSchemaText());
        else {
          await writeFileAtomic(options.output, pipelineJsonSchemaText());
          log.info(`wrote ${options.output}`);
        }
        return EXIT.ok;
      }, command),
    );
};
