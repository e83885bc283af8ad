import type { NativeOpAttribute } from '../native.js';

/** An output of a node by the node's name and the output's number, as TensorFlow writes it. */
export type Edge = string;

export const edgeFrom = (node: string, output: number): Edge =>
  output === 0 ? node : `${node}:${output}`;
export const producerOf = (edge: Edge): string => edge.split(':', 1)[0]!;
export const outputOf = (edge: Edge): number => Number(edge.split(':')[1] ?? 0);

export interface TypedEdge {
  readonly edge: Edge;
  /** TensorFlow's number of the type. */
  readonly type: number;
}

export interface RecordedInput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: number;
}

export interface RecordedConstant extends RecordedInput {
  readonly bytes: Uint8Array;
}

export interface RecordedNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly Edge[];
  readonly attributes: readonly NativeOpAttribute[];
  /** TensorFlow's numbers of its outputs' types. */
  readonly types: readonly number[];
}

/** Nodes that a recording goes through several times, each time from other arguments. */
export interface RecordedFunction {
  readonly name: string;
  /** Types of the arguments, which its nodes read by {@link argumentName}. */
  readonly types: readonly number[];
  readonly constants: readonly RecordedConstant[];
  readonly nodes: readonly RecordedNode[];
  readonly outputs: readonly TypedEdge[];
}

export interface RecordedCall {
  readonly name: string;
  readonly inputs: readonly Edge[];
  readonly callee: RecordedFunction;
  /** The call that has to be done before this one begins, whatever it computes. */
  readonly after?: string;
}

export const isCall = (node: RecordedNode | RecordedCall): node is RecordedCall => 'callee' in node;

/** The ops that a function ran, as a graph of its inputs. */
export interface Recording {
  readonly inputs: readonly RecordedInput[];
  readonly constants: readonly RecordedConstant[];
  readonly functions: readonly RecordedFunction[];
  /** In the order they ran, which is a topological one. */
  readonly nodes: readonly (RecordedNode | RecordedCall)[];
  readonly outputs: readonly TypedEdge[];
}

/** A recording that calls nothing. */
export interface PlainRecording extends Recording {
  readonly nodes: readonly RecordedNode[];
}

export const isPlain = (recording: Recording): recording is PlainRecording =>
  !recording.nodes.some(isCall);

/** Name of an argument inside a function. */
export const argumentName = (index: number): string => `argument${index}`;

/** Nodes of a recording, those of its functions once. */
export const sizeOf = ({ nodes, functions }: Recording): number =>
  functions.reduce((sum, { nodes: own }) => sum + own.length, nodes.length);

/** TensorFlow's numbers of edges' types. */
export function typesIn({
  inputs,
  constants,
  nodes,
}: Pick<Recording, 'inputs' | 'constants' | 'nodes'>): (edge: Edge) => number {
  const known = new Map<string, readonly number[]>([
    ...[...inputs, ...constants].map(({ name, type }) => [name, [type]] as const),
    ...nodes.map((node) => {
      const types = isCall(node) ? node.callee.outputs.map(({ type }) => type) : node.types;
      return [node.name, types] as const;
    }),
  ]);
  return (edge) => known.get(producerOf(edge))![outputOf(edge)]!;
}
