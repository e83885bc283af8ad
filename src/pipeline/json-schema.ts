import { z } from 'zod';
import { pipelineSections } from './schema.js';

/** As much of JSON Schema as zod writes for our schema. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema | readonly JsonSchema[];
  readonly prefixItems?: readonly JsonSchema[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

let cached: JsonSchema | undefined;

/** The JSON Schema (draft 7) of what a pipeline file may say, for editors and for messages. */
export function pipelineJsonSchema(): JsonSchema {
  cached ??= {
    ...(z.toJSONSchema(pipelineSections.partial({ name: true }), {
      io: 'input',
      target: 'draft-7',
    }) as JsonSchema),
    ...{ title: 'Frameloom pipeline' },
  };
  return cached;
}

/** The file `schema/pipeline.schema.json`, byte for byte. */
export const pipelineJsonSchemaText = (): string =>
  `${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`;

const alternatives = (schema: JsonSchema): readonly JsonSchema[] => {
  const inner = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  return inner ? inner.flatMap(alternatives) : [schema];
};

/** Every schema that the value at `path` might have to meet: several where there are variants. */
export function schemasAt(path: readonly PropertyKey[]): JsonSchema[] {
  let schemas = [...alternatives(pipelineJsonSchema())];
  for (const key of path) {
    schemas = schemas.flatMap((schema) => {
      const { properties, items, prefixItems, additionalProperties } = schema;
      const found: (JsonSchema | undefined)[] = [];
      if (typeof key === 'number') {
        const list = prefixItems ?? (Array.isArray(items) ? (items as JsonSchema[]) : undefined);
        found.push(list?.[key] ?? (Array.isArray(items) ? undefined : (items as JsonSchema)));
      } else {
        const named = properties && Object.hasOwn(properties, key) ? properties[String(key)] : null;
        found.push(
          named ?? (typeof additionalProperties === 'object' ? additionalProperties : undefined),
        );
      }
      return found.flatMap((one) => (one ? [...alternatives(one)] : []));
    });
  }
  return schemas;
}

/** The keys that the map at `path` may have. */
export const keysAt = (path: readonly PropertyKey[]): string[] => [
  ...new Set(schemasAt(path).flatMap(({ properties }) => Object.keys(properties ?? {}))),
];

const SMALLEST = -Number.MAX_SAFE_INTEGER;

function numberInWords(schema: JsonSchema): string {
  const what = schema.type === 'integer' ? 'a whole number' : 'a number';
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = schema;
  const low =
    exclusiveMinimum !== undefined
      ? `> ${exclusiveMinimum}`
      : minimum !== undefined && minimum > SMALLEST
        ? `≥ ${minimum}`
        : '';
  const high =
    exclusiveMaximum !== undefined
      ? `< ${exclusiveMaximum}`
      : maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER
        ? `≤ ${maximum}`
        : '';
  return [what, [low, high].filter((part) => part !== '').join(' and ')].join(' ').trim();
}

function inWords(schema: JsonSchema): string[] {
  if (schema.const !== undefined)
    return [typeof schema.const === 'string' ? schema.const : JSON.stringify(schema.const)];
  if (schema.enum) return schema.enum.map((value) => String(value));
  switch (schema.type) {
    case 'integer':
    case 'number':
      return [numberInWords(schema)];
    case 'boolean':
      return ['true', 'false'];
    case 'string':
      return ['a text'];
    case 'array':
      return ['a list'];
    case 'object':
      return ['a map'];
    default:
      return [];
  }
}

/** What is expected at `path`, for people: `a whole number ≥ 1`, `off, auto or a map`. */
export function expectedAt(path: readonly PropertyKey[]): string {
  const words = [...new Set(schemasAt(path).flatMap(inWords))];
  if (words.length < 2) return words[0] ?? 'something else';
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`;
}

/** The words that may stand at `path`, where it takes only certain ones. */
export const wordsAt = (path: readonly PropertyKey[]): string[] =>
  schemasAt(path)
    .flatMap((schema): readonly unknown[] => schema.enum ?? [schema.const])
    .filter((value) => typeof value === 'string');
