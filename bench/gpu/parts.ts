/** What the bench for a card measures, in order, and the seconds that each may take: four minutes in all. */
export const PARTS = [
  { name: 'machine', seconds: 15 },
  { name: 'generate small', seconds: 35 },
  { name: 'generate base', seconds: 35 },
  { name: 'golden step', seconds: 35 },
  { name: 'same twice', seconds: 25 },
  { name: 'train small', seconds: 35 },
  { name: 'train base', seconds: 35 },
  { name: 'cuda', seconds: 20 },
] as const;

export type PartName = (typeof PARTS)[number]['name'];

/** What a part prints, again whenever it knows more: the last line counts. */
export type Figures = Readonly<Record<string, unknown>>;

export interface PartResult {
  readonly part: string;
  readonly seconds: number;
  /** What it has found out; of a part that was stopped, as far as it came. */
  readonly figures: Figures | null;
  /** Why it has not ended well; null where it has. */
  readonly failed: string | null;
}

/** Names the folder of a TensorFlow of the machine's own, for the part that takes it. */
export const TENSORFLOW = 'FRAMELOOM_BENCH_TENSORFLOW';
