import { hasNamedOutputs } from './op-outputs.js';
import {
  argumentName,
  edgeFrom,
  isPlain,
  outputOf,
  producerOf,
  typesIn,
  type Edge,
  type RecordedCall,
  type RecordedConstant,
  type RecordedFunction,
  type RecordedNode,
  type PlainRecording,
  type Recording,
} from './recording.js';
import { findRepeats, type Repeat, type Worth } from './repeats.js';

/** A function is optimized by itself, which takes as long as some hundred nodes. */
const WORTH: Worth = { shortest: 24, longest: 2000, saved: 500 };

/**
 * Makes what a recording does again and again a function that it calls: the frames of a rollout, and
 * their ways back. A node takes TensorFlow some 14 KB and half a millisecond to build and optimize, a
 * call one node; what is computed stays the same. A recording that calls functions already is left alone.
 */
export function outline(recording: Recording, worth = WORTH): Recording {
  if (!isPlain(recording)) return recording;
  const repeats = findRepeats(recording.nodes.length, likeness(recording), worth);
  const functions: RecordedFunction[] = [];
  const calls = new Map<number, RecordedCall>();
  const renamed = new Map<Edge, Edge>();
  for (const repeat of repeats) {
    const callee = toFunction(recording, repeat, `function${functions.length}`);
    functions.push(callee.made);
    callee.calls.forEach((call, i) => {
      const first = repeat.start + i * repeat.period;
      calls.set(first, call);
      callee.made.outputs.forEach(({ edge }, output) => {
        const { name } = recording.nodes[first + bodyIndex(edge)]!;
        renamed.set(edgeFrom(name, outputOf(edge)), edgeFrom(call.name, output));
      });
    });
  }
  const current = (edge: Edge): Edge => renamed.get(edge) ?? edge;
  const nodes: (RecordedNode | RecordedCall)[] = [];
  for (let i = 0; i < recording.nodes.length;) {
    const call = calls.get(i);
    const node = call ?? recording.nodes[i]!;
    nodes.push({ ...node, inputs: node.inputs.map(current) });
    i += call?.callee.nodes.length ?? 1;
  }
  const { inputs, constants } = recording;
  const outputs = recording.outputs.map(({ edge, type }) => ({ edge: current(edge), type }));
  return { inputs, constants, functions, nodes, outputs };
}

const bodyName = (index: number): string => `node${index}`;
const bodyIndex = (edge: Edge): number => Number(producerOf(edge).slice('node'.length));

/**
 * Whether nodes are the same op, and read the same constants and what lies as far back in the
 * recording; what lies further back than a period is outside of any piece, and may be anything.
 */
function likeness({ nodes, constants }: PlainRecording): (i: number, period: number) => boolean {
  const place = new Map(nodes.map(({ name }, i) => [name, i]));
  const isConstant = new Set(constants.map(({ name }) => name));
  const known = new Map<string, number>();
  const kinds = nodes.map((node, i) => {
    const { op, attributes, inputs } = node;
    if (!hasNamedOutputs(node)) return -1 - i;
    const read = inputs.map((edge) => (isConstant.has(edge) ? edge : null));
    const text = JSON.stringify([op, attributes, read]);
    const kind = known.get(text) ?? known.size;
    known.set(text, kind);
    return kind;
  });
  const sources = nodes.map(({ inputs }, i) =>
    inputs.map((edge) => ({
      back: i - (place.get(producerOf(edge)) ?? Number.NEGATIVE_INFINITY),
      output: outputOf(edge),
    })),
  );
  return (i, period) =>
    kinds[i] === kinds[i + period] &&
    sources[i]!.every((a, slot) => {
      const b = sources[i + period]![slot]!;
      const isOutside = a.back >= period && b.back >= period;
      return isOutside || (a.back === b.back && a.output === b.output);
    });
}

function toFunction(recording: PlainRecording, { start, period, count }: Repeat, name: string) {
  const pieces = Array.from({ length: count }, (_, i) => {
    const from = start + i * period;
    return recording.nodes.slice(from, from + period);
  });
  const place = new Map(pieces[0]!.map((node, i) => [node.name, i]));
  const constants = new Map(recording.constants.map((constant) => [constant.name, constant]));
  const used = new Set<RecordedConstant>();
  // What all pieces read together at the same places is one argument.
  const known = new Map<string, Edge>();
  const typeOf = typesIn(recording);
  const types: number[] = [];
  const given = pieces.map((): Edge[] => []);
  const argumentFor = (edges: readonly Edge[]): Edge => {
    const key = edges.join(' ');
    const before = known.get(key);
    if (before !== undefined) return before;
    const argument = argumentName(types.length);
    known.set(key, argument);
    types.push(typeOf(edges[0]!));
    edges.forEach((edge, i) => given[i]!.push(edge));
    return argument;
  };
  const nodes = pieces[0]!.map((node, i) => ({
    ...node,
    name: bodyName(i),
    inputs: node.inputs.map((edge, slot) => {
      const inside = place.get(producerOf(edge));
      if (inside !== undefined) return edgeFrom(bodyName(inside), outputOf(edge));
      const constant = constants.get(edge);
      if (constant === undefined) return argumentFor(pieces.map((own) => own[i]!.inputs[slot]!));
      used.add(constant);
      return edge;
    }),
  }));
  const read = edgesReadAfter(recording, pieces);
  const outputs = nodes.flatMap(({ types: own }, i) =>
    own
      .map((type, output) => ({ type, output, edge: edgeFrom(bodyName(i), output) }))
      .filter(({ output }) => pieces.some((piece) => read.has(edgeFrom(piece[i]!.name, output)))),
  );
  const made: RecordedFunction = { name, types, constants: [...used], nodes, outputs };
  const calls = given.map((inputs, i): RecordedCall => ({
    name: `${name}_call${i}`,
    inputs,
    callee: made,
  }));
  return { made, calls };
}

/** Edges that are read outside of the piece that they come from. */
function edgesReadAfter(recording: PlainRecording, pieces: readonly (readonly RecordedNode[])[]) {
  const pieceOf = new Map(
    pieces.flatMap((piece, i) => piece.map(({ name }) => [name, i] as const)),
  );
  const read = new Set<Edge>(recording.outputs.map(({ edge }) => edge));
  for (const { name, inputs } of recording.nodes) {
    for (const edge of inputs) {
      if (pieceOf.get(producerOf(edge)) !== pieceOf.get(name)) read.add(edge);
    }
  }
  return read;
}
